//go:build unix

package redisstore_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

var (
	// anyCall is a use of the server, goodCall one whose key is declared. The
	// commands of streams have words before their key, and TIME has none.
	anyCall  = regexp.MustCompile(`redis\.p?call\b|\b(loadstring|setmetatable|getmetatable|_G)\b`)
	goodCall = regexp.MustCompile(`redis\.p?call\(('[A-Z]+'(, '(GROUPS|CONSUMERS|DESTROY|DELCONSUMER)')?, KEYS\[[1-9i]\][,)]|'TIME'\)|` +
		`'XREADGROUP', 'GROUP', ARGV\[1\], ARGV\[2\], 'COUNT', [^']+, 'STREAMS', KEYS\[1\][,)])`)
)

// badCalls returns the lines that reach a key which is not declared, or might.
func badCalls(script string) (bad []string) {
	for line := range strings.Lines(script) {
		code, _, _ := strings.Cut(line, "--")
		if len(anyCall.FindAllString(code, -1)) != len(goodCall.FindAllString(code, -1)) {
			bad = append(bad, strings.TrimSpace(line))
		}
	}
	return bad
}

// TestScriptsUseDeclaredKeys: a key that is made up in a script may be on
// another node, which shows nowhere but in a cluster.
func TestScriptsUseDeclaredKeys(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("scripts/*.lua")
	must(t, err)
	if len(files) < 10 {
		t.Fatalf("found %d scripts", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, line := range badCalls(string(text)) {
			t.Errorf("%s: %s", file, line)
		}
	}
	for _, line := range []string{
		`redis.call('GET', ARGV[1])`,
		`redis.call('GET', 'a')`,
		`redis.call('GET', prefix .. KEYS[1])`,
		`redis.call(command, KEYS[1])`,
		`redis.call('DEL', unpack(KEYS))`,
		`redis.call('DEL', KEYS[1]); redis.call('DEL', other)`,
		`local call = redis.call`,
		`redis.call('GET', KEYS[1] .. ':x')`,
		`redis.pcall("GET", KEYS[1])`,
		`_G['redis'].call('GET', 'a')`,
	} {
		if len(badCalls(line)) == 0 {
			t.Errorf("not found: %s", line)
		}
	}
}

// TestScriptsAreRelearnt: a server that restarts or takes over forgets scripts.
func TestScriptsAreRelearnt(t *testing.T) {
	t.Parallel()
	server := identitytest.StartRedis(t)
	client := newClient(t, server.URL())
	s := newStore(t, client, nil)
	for range 2 {
		must(t, s.Create(t.Context(), someone()))
		must(t, client.ScriptFlush(t.Context()).Err())
		must(t, s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
		must(t, client.ScriptFlush(t.Context()).Err())
		if _, err := s.Unlink(t.Context(), "customer", "cus_1", soon()); err != nil {
			t.Fatal(err)
		}
		must(t, client.ScriptFlush(t.Context()).Err())
	}
}
