//go:build unix

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// sessionPrefix is connect-redis' own.
const sessionPrefix = "sess:"

// runNode runs a script of the project with the server's address in REDIS_URL
// and returns what it prints.
func runNode(t *testing.T, project string, r *identitytest.Redis, args ...string) []byte {
	t.Helper()
	node := exec.CommandContext(t.Context(), "node", args...)
	node.Dir = project
	node.Env = append(os.Environ(), "REDIS_URL="+r.URL())
	var stderr strings.Builder
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// expressCase is a case for read.mjs.
type expressCase struct {
	Name       string   `json:"name"`
	CookieName string   `json:"cookie_name"`
	Secrets    []string `json:"secrets"`
	Cookie     string   `json:"cookie"`
}

// expressSight is what read.mjs saw.
type expressSight struct {
	Name    string `json:"name"`
	Status  int    `json:"status"`
	SID     string `json:"sid"`
	Session struct {
		AuthContext  json.RawMessage            `json:"auth_context"`
		AuthContexts map[string]json.RawMessage `json:"auth_contexts"`
	} `json:"session"`
}

func readByExpress(t *testing.T, project string, r *identitytest.Redis, cases []expressCase) map[string]expressSight {
	t.Helper()
	input, err := json.Marshal(map[string]any{"prefix": sessionPrefix, "cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(file, input, 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []expressSight
	if err := json.Unmarshal(runNode(t, project, r, "read.mjs", file), &seen); err != nil {
		t.Fatal(err)
	}
	if len(seen) != len(cases) {
		t.Fatalf("%d of %d cases were read", len(seen), len(cases))
	}
	byName := make(map[string]expressSight)
	for _, s := range seen {
		if s.Status != 200 {
			t.Errorf("%s: express answers %d", s.Name, s.Status)
		}
		byName[s.Name] = s
	}
	return byName
}

func sessionClaims(actorType, actorID string) identity.Claims {
	now := time.Now().Unix()
	return identity.Claims{
		ActorID: actorID, ActorType: actorType, IdentityID: "authid_01M7ZGFXCPEBDV33HJKCJAF3EE", Provider: "emailpass",
		MFAEnabled:   true,
		MFACompleted: &identity.Time{Time: time.UnixMilli(1795280074060).UTC()},
		AppMetadata:  identity.Metadata{actorType + "_id": json.RawMessage(`"` + actorID + `"`)},
		UserMetadata: json.RawMessage(`{"name":"Zoë <a href='x'>& \"q\" \\ 😀","deep":[1,{"b":null}]}`),
		IssuedAt:     now, ExpiresAt: now + 60,
	}
}

func equalJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Errorf("%q, %q: %v", a, b, err)
		return false
	}
	return reflect.DeepEqual(x, y)
}

// Sessions that we start are sessions to express-session and connect-redis,
// which Medusa uses, and stay ours after they were used there.
func TestExpressReadsOurSessions(t *testing.T) {
	t.Parallel()
	project := NodeProject(t, "fixtures/express", nil)
	server := identitytest.StartRedis(t)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	store, err := redisstore.New(client, redisstore.Options{SessionPrefix: sessionPrefix, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}

	type login struct {
		manager *session.Manager
		started session.Started
	}
	logins := make(map[string]login)
	var cases []expressCase
	for name, test := range map[string]struct {
		settings session.Settings
		secrets  []string
		https    bool
	}{
		"development":   {session.Settings{}, []string{"e2e-secret"}, false},
		"production":    {session.Settings{}, []string{"e2e-secret"}, true},
		"all set":       {session.Settings{Name: "__Secure-shop", Domain: "example.test", SameSite: "none", Secure: "always", TTL: time.Hour, MaxAge: 2 * time.Hour}, []string{"e2e-secret"}, true},
		"two secrets":   {session.Settings{}, []string{"new-secret", "old-secret"}, false},
		"odd secret":    {session.Settings{Rolling: true}, []string{"geheim-ß-秘密 "}, false},
		"side by side":  {session.Settings{}, []string{"e2e-secret"}, false},
		"is logged out": {session.Settings{}, []string{"e2e-secret"}, false},
	} {
		var secrets []identity.Secret
		for _, text := range test.secrets {
			secrets = append(secrets, identity.NewSecret(text))
		}
		m, err := session.NewManager(session.Config{Settings: test.settings, Secrets: secrets, Store: store})
		if err != nil {
			t.Fatal(err)
		}
		started, err := m.Start(t.Context(), "", sessionClaims("customer", "cus_1"), test.https)
		if err != nil {
			t.Fatal(err)
		}
		if name == "side by side" {
			if started, err = m.Start(t.Context(), started.SID, sessionClaims("user", "user_1"), test.https); err != nil {
				t.Fatal(err)
			}
		}
		logins[name] = login{m, started}
		cookieName := test.settings.Name
		if cookieName == "" {
			cookieName = session.DefaultName
		}
		cookie, _, _ := strings.Cut(started.SetCookie, ";")
		cases = append(cases, expressCase{name, cookieName, test.secrets, cookie})
		if name == "development" {
			cases = append(cases, expressCase{"with another secret", cookieName, []string{"x"}, cookie})
		}
	}

	seen := readByExpress(t, project, server, cases)
	if got := seen["with another secret"]; got.SID == logins["development"].started.SID || got.Session.AuthContext != nil {
		t.Errorf("express took a cookie signed with another secret: %+v", got)
	}
	for name, l := range logins {
		got, record := seen[name], l.started.Record
		if got.SID != l.started.SID {
			t.Errorf("%s: express reads the id %q, want %q", name, got.SID, l.started.SID)
		}
		for actorType, claims := range record.Contexts {
			want, err := json.Marshal(claims)
			if err != nil {
				t.Fatal(err)
			}
			text := got.Session.AuthContext
			if actorType != record.Latest {
				text = got.Session.AuthContexts[actorType]
			}
			if !equalJSON(t, text, want) {
				t.Errorf("%s: express reads as %s\n got %s\nwant %s", name, actorType, text, want)
			}
		}
		// express-session has written the record back (resave).
		after, err := l.manager.Load(t.Context(), l.started.SID)
		if err != nil {
			t.Errorf("%s: after express used it: %v", name, err)
			continue
		}
		if !after.CreatedAt.Equal(record.CreatedAt) || after.Latest != record.Latest ||
			!reflect.DeepEqual(after.Contexts, record.Contexts) || !reflect.DeepEqual(after.Carried, record.Carried) {
			t.Errorf("%s: after express used it\n got %+v\nwant %+v", name, after, record)
		}
	}

	gone := logins["is logged out"]
	if err := gone.manager.End(t.Context(), gone.started.SID, nil); err != nil {
		t.Fatal(err)
	}
	for name, got := range readByExpress(t, project, server, cases) {
		if loggedIn := got.Session.AuthContext != nil; loggedIn != (name != "is logged out" && name != "with another secret") {
			t.Errorf("after one log-out, %s is logged in: %t", name, loggedIn)
		}
	}
}

// Ids and their signatures differ from run to run.
var signedID = regexp.MustCompile(`s%3A[\w.%-]+; `)

// The vectors of identity/session are what the packages do: made again, they
// are the same. If they are not, make.mjs was changed and not run.
func TestExpressVectorsAreCurrent(t *testing.T) {
	t.Parallel()
	project := NodeProject(t, "fixtures/express", nil)
	server := identitytest.StartRedis(t)
	file := filepath.Join(t.TempDir(), "express.json")
	runNode(t, project, server, "make.mjs", file)

	load := func(path string) (parts map[string]json.RawMessage, logins []map[string]any) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &parts); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(signedID.ReplaceAll(parts["logins"], nil), &logins); err != nil {
			t.Fatal(err)
		}
		delete(parts, "logins")
		for _, login := range logins {
			if sid, _ := login["sid"].(string); len(sid) != 32 {
				t.Errorf("%s: session id %q", login["name"], sid)
			}
			delete(login, "sid")
		}
		return parts, logins
	}
	made, madeLogins := load(file)
	kept, keptLogins := load("../identity/session/testdata/express.json")
	if !reflect.DeepEqual(made, kept) {
		t.Errorf("\n made %s\n kept %s", made, kept)
	}
	if len(madeLogins) != len(keptLogins) {
		t.Fatalf("made %d logins, kept %d", len(madeLogins), len(keptLogins))
	}
	for i, want := range keptLogins {
		if !reflect.DeepEqual(madeLogins[i], want) {
			t.Errorf("%s\n made %v\n kept %v", want["name"], madeLogins[i], want)
		}
	}
}
