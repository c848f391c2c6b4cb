//go:build unix

package redisstore_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

func TestErrorReplies(t *testing.T) {
	t.Parallel()
	for reply, reason := range map[string]string{
		"LOADING Redis is loading the dataset in memory":                                        "store_loading",
		"READONLY You can't write against a read only replica.":                                 "store_readonly",
		"OOM command not allowed when used memory > 'maxmemory'.":                               "store_oom",
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to":       "store_misconf",
		"NOREPLICAS Not enough good replicas to write.":                                         "store_noreplicas",
		"NOAUTH Authentication required.":                                                       "store_auth",
		"WRONGPASS invalid username-password pair or user is disabled.":                         "store_auth",
		"NOPERM this user has no permissions to run the 'get' command":                          "store_auth",
		"CLUSTERDOWN Hash slot not served":                                                      "store_clusterdown",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":      "store_masterdown",
		"TRYAGAIN Multiple keys request during rehashing of slot":                               "store_moving",
		"MOVED 3999 127.0.0.1:6381":                                                             "store_moving",
		"ASK 3999 127.0.0.1:6381":                                                               "store_moving",
		"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE": "store_busy",
		"ERR max number of clients reached":                                                     "store_maxclients",
		"WRONGTYPE Operation against a key holding the wrong kind of value":                     "store_corrupt",
		"ERR something that nobody has thought of":                                              "store_error",
		"CROSSSLOT Keys in request don't hash to the same slot":                                 "store_error",
	} {
		t.Run(strings.Fields(reply)[0], func(t *testing.T) {
			t.Parallel()
			m := miniredis.RunT(t)
			s := newStore(t, newClient(t, "redis://"+m.Addr()), nil)
			must(t, s.SaveSession(t.Context(), someSID, []byte("a"), time.Hour)) // is connected
			m.SetError(reply)
			allUnavailable(t, s, false, reason)
		})
	}
}

// TestUnexpectedReplies: a server, or a proxy before it, that answers something
// else than was asked is not taken for one that said no, or that it is done.
func TestUnexpectedReplies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		write func(c *server.Peer)
		// What a call could be answered with.
		plausible []string
	}{
		"a status":       {func(c *server.Peer) { c.WriteInline("QUEUED") }, []string{"LoadSession"}},
		"a text":         {func(c *server.Peer) { c.WriteBulk("abc") }, []string{"LoadSession"}},
		"a number":       {func(c *server.Peer) { c.WriteInt(7) }, []string{"LoadSession", "DeleteSession", "UnlistSessions", "Recent"}},
		"a list":         {func(c *server.Peer) { c.WriteStrings([]string{"a"}) }, nil},
		"no RESP":        {func(c *server.Peer) { c.WriteRaw("HTTP/1.1 400 Bad Request\r\n\r\n") }, nil},
		"a float":        {func(c *server.Peer) { c.WriteRaw(",1.5\r\n") }, []string{"LoadSession"}},
		"an error":       {func(c *server.Peer) { c.WriteRaw("-\r\n") }, nil},
		"half a text":    {func(c *server.Peer) { c.WriteRaw("$100\r\nabc"); c.Close() }, nil},
		"nothing at all": {func(c *server.Peer) { c.Close() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := miniredis.RunT(t)
			// Some replies look like the beginning of a longer one.
			s, err := redisstore.New(newClient(t, "redis://"+m.Addr()), redisstore.Options{Timeout: 200 * time.Millisecond})
			must(t, err)
			m.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
				if cmd == "HELLO" || cmd == "CLIENT" {
					return false
				}
				test.write(c)
				return true
			})
			for name, call := range calls(s) {
				err := call(t.Context())
				if identity.CodeOf(err) != identity.CodeUnavailable && !slices.Contains(test.plausible, name) {
					t.Errorf("%s: got %v, want %s", name, err, identity.CodeUnavailable)
				}
			}
		})
	}
}

// TestErrorsDoNotRepeatArguments: Redis does, and among those of a script is the
// whole record.
func TestErrorsDoNotRepeatArguments(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	m.Server().SetPreHook(func(c *server.Peer, cmd string, args ...string) bool {
		if cmd != "EVALSHA" {
			return false
		}
		c.WriteError("ERR unknown command 'EVALSHA', with args beginning with: '" + strings.Join(args, "' '") + "'")
		return true
	})
	s := newStore(t, newClient(t, "redis://"+m.Addr()), nil)
	i := someone()
	i.Providers["emailpass"] = entry("$argon2id$secret")
	err := s.Create(t.Context(), i)
	if identity.CodeOf(err) != identity.CodeUnavailable || !strings.Contains(err.Error(), "unknown command") {
		t.Fatalf("creating gave %v", err)
	}
	if strings.Contains(err.Error(), "argon2id") || strings.Contains(err.Error(), address) {
		t.Errorf("the error shows the record: %v", err)
	}
}

// corruptions are contents that this package did not write, and the calls that
// meet them.
var corruptions = map[string]struct {
	spoil func(m *miniredis.Miniredis)
	calls []string
}{
	"no schema version":         {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "v", "") }, allOfRecord},
	"a schema version of none":  {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "v", "0") }, allOfRecord},
	"a schema version of words": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "v", "one") }, allOfRecord},
	"no valid_from":             {func(m *miniredis.Miniredis) { m.HDel(aliceKey, "valid_from") }, allOfRecord},
	"a negative valid_from":     {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "valid_from", "-1") }, allOfRecord},
	"a valid_from out of range": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "valid_from", "9223372036854775807") }, allOfRecord},
	"a valid_from with a point": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "valid_from", "1.5") }, allOfRecord},
	"no created_at":             {func(m *miniredis.Miniredis) { m.HDel(aliceKey, "created_at") }, ofContent},
	"an updated_at of words":    {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "updated_at", "now") }, ofContent},
	"metadata that is no JSON":  {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "app:customer_id", "cus_1") }, ofContent},
	"a provider that is no JSON": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "pi:emailpass", "{") },
		append([]string{"ReplaceCredential"}, ofContent...)},
	"a provider that is a list": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "pi:emailpass", "[]") },
		append([]string{"ReplaceCredential"}, ofContent...)},
	"a provider without key": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "pi:emailpass", `{"entity_id":"a"}`) },
		append([]string{"ReplaceCredential"}, ofContent...)},
	"user metadata that is null": {func(m *miniredis.Miniredis) {
		m.HSet(aliceKey, "pi:emailpass", `{"entity_id":"a","key":"a","user_metadata":null}`)
	}, append([]string{"ReplaceCredential"}, ofContent...)},
	"a time out of range": {func(m *miniredis.Miniredis) {
		m.HSet(aliceKey, "pi:emailpass", `{"entity_id":"a","key":"a","updated_at":-1}`)
	}, append([]string{"ReplaceCredential"}, ofContent...)},
	"a revision of words":     {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "rev", "one") }, []string{}},
	"a record that is a text": {func(m *miniredis.Miniredis) { m.Del(aliceKey); _ = m.Set(aliceKey, "a") }, append([]string{"Link", "ReplaceCredential"}, allOfRecord...)},
	"an index of another form": {func(m *miniredis.Miniredis) { _ = m.Set(addressKey, "a b") },
		[]string{"Find", "Create"}},
	"an index that is a set": {func(m *miniredis.Miniredis) { m.Del(addressKey); _, _ = m.SAdd(addressKey, "a") },
		[]string{"Find", "Create"}},
	"an actor that is a text": {func(m *miniredis.Miniredis) { m.Del(actorKey); _ = m.Set(actorKey, "a") }, []string{"Link", "Unlink", "ByActor"}},
	"a reset of another form": {func(m *miniredis.Miniredis) { _ = m.Set(resetKey, "a") },
		[]string{"OpenReset", "CheckReset", "CloseReset", "FinishReset"}},
	"a reset with a state that is none": {func(m *miniredis.Miniredis) { _ = m.Set(resetKey, "1 99999999999999 ab won't") },
		[]string{"OpenReset", "CheckReset", "CloseReset", "FinishReset"}},
	"a reset that is a hash":      {func(m *miniredis.Miniredis) { m.Del(resetKey); m.HSet(resetKey, "a", "b") }, []string{"OpenReset", "CheckReset", "CloseReset", "FinishReset"}},
	"an addition that is no JSON": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "add:google", "{") }, ofContent},
	"an addition without claim": {func(m *miniredis.Miniredis) {
		m.HSet(aliceKey, "add:google", `{"entry":{"entity_id":"a","key":"a"}}`)
	}, ofContent},
	"an addition without entry": {func(m *miniredis.Miniredis) { m.HSet(aliceKey, "add:google", `{"claim":"AAAAAAAA"}`) }, ofContent},
	"an addition without key": {func(m *miniredis.Miniredis) {
		m.HSet(aliceKey, "add:google", `{"claim":"AAAAAAAA","entry":{"entity_id":"a"}}`)
	}, ofContent},
	"a recent log-in of words":   {func(m *miniredis.Miniredis) { _ = m.Set(recentKey, "now") }, []string{"Recent"}},
	"a recent log-in at no time": {func(m *miniredis.Miniredis) { _ = m.Set(recentKey, "0") }, []string{"Recent"}},
	"a recent log-in, a hash":    {func(m *miniredis.Miniredis) { m.HSet(recentKey, "a", "b") }, []string{"Recent"}},
	"an attempt that is a hash":  {func(m *miniredis.Miniredis) { m.HSet(attemptKey, "a", "b") }, []string{"TakeAttempt"}},
	"a session that is a hash":   {func(m *miniredis.Miniredis) { m.Del(sessionKey); m.HSet(sessionKey, "a", "b") }, []string{"LoadSession"}},
	"a mark of words":            {func(m *miniredis.Miniredis) { m.HSet("auth:meta", "min_reader", "one") }, []string{"Create"}},
	"a mark that is not a hash":  {func(m *miniredis.Miniredis) { m.Del("auth:meta"); _ = m.Set("auth:meta", "a") }, []string{"Create"}},
}

var (
	actorKey   = "auth:ac:customer:" + sha("cus_1")
	resetKey   = aliceKey + ":rst:emailpass"
	sessionKey = "auth:sess:" + someSID
	recentKey  = "auth:lg:" + sha("token")
	attemptKey = "auth:st:" + someHash

	ofContent   = []string{"Identity", "Find", "Create", "Unlink", "ByActor", "AddProvider", "RemoveProvider"}
	allOfRecord = append([]string{"State"}, ofContent...)
)

// aliceCalls are calls about Alice that succeed after addMore.
func aliceCalls(s *redisstore.Store) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Identity": func(ctx context.Context) error { _, err := s.Identity(ctx, alice); return err },
		"State":    func(ctx context.Context) error { _, err := s.State(ctx, alice); return err },
		"Find":     func(ctx context.Context) error { _, err := s.Find(ctx, "emailpass", address); return err },
		"Create": func(ctx context.Context) error {
			i := someone()
			i.ID = bob
			return s.Create(ctx, i)
		},
		"ReplaceCredential": func(ctx context.Context) error { return s.ReplaceCredential(ctx, alice, entry("hash"), entry("new")) },
		"Link":              func(ctx context.Context) error { return s.Link(ctx, alice, "customer", "cus_1") },
		"ByActor":           func(ctx context.Context) error { _, err := s.ByActor(ctx, "customer", "cus_1"); return err },
		"Unlink":            func(ctx context.Context) error { _, err := s.Unlink(ctx, "customer", "cus_1", soon()); return err },
		"OpenReset": func(ctx context.Context) error {
			return s.OpenReset(ctx, alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: soon(), ExpiresAt: soon()})
		},
		"CheckReset":     func(ctx context.Context) error { return s.CheckReset(ctx, alice, "emailpass", someHash) },
		"CloseReset":     func(ctx context.Context) error { return s.CloseReset(ctx, alice, "emailpass", someHash) },
		"FinishReset":    func(ctx context.Context) error { return s.FinishReset(ctx, alice, someHash, entry("new"), soon(), nil) },
		"LoadSession":    func(ctx context.Context) error { _, err := s.LoadSession(ctx, someSID); return err },
		"AddProvider":    func(ctx context.Context) error { return s.AddProvider(ctx, alice, google("1"), anytime) },
		"RemoveProvider": func(ctx context.Context) error { return s.RemoveProvider(ctx, alice, "github", soon()) },
		"DeleteBare":     func(ctx context.Context) error { return s.DeleteBare(ctx, bare, "google") },
		"KeepAttempt":    func(ctx context.Context) error { return s.KeepAttempt(ctx, strings.Repeat("0", 64), someAttempt()) },
		"TakeAttempt":    func(ctx context.Context) error { _, err := s.TakeAttempt(ctx, someHash); return err },
		"MarkRecent":     func(ctx context.Context) error { return s.MarkRecent(ctx, "another", time.Now(), time.Hour) },
		"Recent":         func(ctx context.Context) error { _, err := s.Recent(ctx, "token"); return err },
	}
}

// addMore stores what the calls about Alice need besides herself.
func addMore(t *testing.T, s *redisstore.Store) {
	t.Helper()
	github := google("2")
	github.Provider = "github"
	must(t, s.AddProvider(t.Context(), alice, github, anytime))
	must(t, s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
	must(t, s.SaveSession(t.Context(), someSID, []byte("a"), time.Hour))
	must(t, s.KeepAttempt(t.Context(), someHash, someAttempt()))
	must(t, s.MarkRecent(t.Context(), "token", time.Now(), time.Hour))
	must(t, s.Create(t.Context(), nobodyYet()))
}

// bare is an identity that is nobody.
const bare = "authid_01M7ZGFXCPEBDV33HJKCJAF3EG"

func nobodyYet() *identity.Identity {
	p := google("3")
	return &identity.Identity{ID: bare, Providers: map[string]identity.ProviderIdentity{"google": p}}
}

func TestCorrupt(t *testing.T) {
	t.Parallel()
	for name, test := range corruptions {
		for _, call := range test.calls {
			t.Run(name+", "+call, func(t *testing.T) {
				t.Parallel()
				r := newRepairTest(t)
				must(t, r.Create(t.Context(), someone()))
				s, err := redisstore.New(r.raw, redisstore.Options{Timeout: patient}) // has not seen the mark
				must(t, err)
				test.spoil(r.server)
				before := r.server.Dump()
				err = aliceCalls(s)[call](t.Context())
				if identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != "store_corrupt" {
					t.Errorf("got %v, reason %s", err, identity.ReasonOf(err))
				}
				if after := r.server.Dump(); call != "Create" && call != "Link" && after != before {
					t.Errorf("it changed something:\n%s\nwas\n%s", after, before)
				}
			})
		}
	}
}

// TestNewerSchema: a record that another version wrote is left alone.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	must(t, r.Create(t.Context(), someone()))
	r.server.HSet(aliceKey, "v", "2")
	for _, name := range allOfRecord {
		if err := aliceCalls(r.Store)[name](t.Context()); identity.ReasonOf(err) != "store_schema" || identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: got %v, reason %s", name, err, identity.ReasonOf(err))
		}
	}
	r = newRepairTest(t)
	r.server.HSet("auth:meta", "schema", "2", "min_reader", "2")
	if err := r.Create(t.Context(), someone()); identity.ReasonOf(err) != "store_schema" {
		t.Errorf("creating gave %v, reason %s", err, identity.ReasonOf(err))
	}
	if keys := r.server.Keys(); len(keys) != 1 {
		t.Errorf("it wrote %q", keys)
	}
	r.server.HSet("auth:meta", "schema", "2", "min_reader", "1") // newer, but readable
	must(t, r.Create(t.Context(), someone()))
}

func TestMark(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	must(t, r.Create(t.Context(), someone()))
	if schema, minReader := r.server.HGet("auth:meta", "schema"), r.server.HGet("auth:meta", "min_reader"); schema != "1" || minReader != "1" {
		t.Errorf("schema %q, min_reader %q", schema, minReader)
	}
}
