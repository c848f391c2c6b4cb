package session_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// Which records are a session, with a maximum age of a day and without.
func TestLoad(t *testing.T) {
	t.Parallel()
	record := func(cookie, rest string) string { return `{"cookie":{` + cookie + `}` + rest + `}` }
	ms := start.UnixMilli()
	day := (24 * time.Hour).Milliseconds()
	context := `,"auth_context":{"actor_id":"cus_1","actor_type":"customer","iat":` + fmt.Sprint(start.Unix()-60) + `}`
	for name, test := range map[string]struct {
		text          string
		found, maxAge bool // found without a maximum age, and with one
		corrupt       bool
	}{
		"Medusa's":                {record("", context), true, true, false},
		"ends later":              {record(`"expires":"2026-11-21T16:54:34.264Z"`, context), true, true, false},
		"ends now":                {record(`"expires":"2026-11-21T16:54:34.263Z"`, context), false, false, false},
		"nearly too old":          {record("", context+`,"created_at":`+fmt.Sprint(ms-day+1)), true, true, false},
		"too old":                 {record("", context+`,"created_at":`+fmt.Sprint(ms-day)), true, false, false},
		"too old by its token":    {record("", `,"auth_context":{"actor_type":"customer","iat":`+fmt.Sprint(start.Unix()-86401)+`}`), true, false, false},
		"of unknown age":          {record("", `,"auth_context":{"actor_type":"customer"}`), true, false, false},
		"nobody in it":            {record("", ""), false, false, false},
		"a context without type":  {record("", `,"auth_context":{"actor_id":"cus_1"}`), false, false, false},
		"without a cookie member": {`{"auth_context":{"actor_type":"customer"}}`, false, false, true},
		"broken":                  {`{"cookie":{`, false, false, true},
		"empty":                   {"", false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for maxAge, want := range map[time.Duration]bool{0: test.found, 24 * time.Hour: test.maxAge} {
				m, store := newManager(t, session.Settings{MaxAge: maxAge})
				store.put("sid", test.text, time.Hour)
				got, err := m.Load(t.Context(), "sid")
				if want {
					if err != nil || got.Contexts["customer"].ActorType != "customer" {
						t.Errorf("max age %s: %v, %v", maxAge, got, err)
					}
					continue
				}
				if !errors.Is(err, identity.ErrNotFound) || got != nil {
					t.Errorf("max age %s: %v, %v", maxAge, got, err)
				}
				if errors.Is(err, session.ErrCorrupt) != test.corrupt {
					t.Errorf("corrupt: %v", err)
				}
			}
		})
	}
}

// Unknown is not no.
func TestStoreFailuresAreUnavailable(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{Rolling: true})
	started := login(t, m, "", claims("customer", "cus_1"))
	store.clock.Forward(2 * time.Hour)
	store.before = failing("load", "save", "replace", "delete")
	for name, call := range map[string]func() error{
		"Load": func() error { _, err := m.Load(t.Context(), started.SID); return err },
		"End":  func() error { return m.End(t.Context(), started.SID, nil) },
		"Touch": func() error {
			setCookie, err := m.Touch(t.Context(), started.SID, &started.Record, false)
			if setCookie != "" {
				t.Errorf("a failed write sends %s", setCookie)
			}
			return err
		},
	} {
		if err := call(); identity.CodeOf(err) != identity.CodeUnavailable || errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// E8: the token's end does not end the session, the session's own limits do.
func TestSessionOutlivesItsToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings session.Settings
		life     time.Duration
	}{
		"ttl":                {session.Settings{TTL: 3 * time.Hour}, 3 * time.Hour},
		"max age":            {session.Settings{MaxAge: 2 * time.Hour}, 2 * time.Hour},
		"ttl below max age":  {session.Settings{TTL: 2 * time.Hour, MaxAge: 24 * time.Hour}, 2 * time.Hour},
		"rolling, not used":  {session.Settings{TTL: 2 * time.Hour, Rolling: true}, 2 * time.Hour},
		"the default of 10h": {session.Settings{}, 10 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, store := newManager(t, test.settings)
			c := claims("customer", "cus_1")
			started := login(t, m, "", c)
			store.clock.Forward(test.life - time.Millisecond)
			if now := store.clock.Now(); now.Unix() <= c.ExpiresAt {
				t.Fatal("the token has not expired")
			}
			if actors(t, m, started.SID) == nil {
				t.Error("the session ended early")
			}
			store.clock.Forward(time.Millisecond)
			if got := actors(t, m, started.SID); got != nil {
				t.Errorf("the session goes on as %v", got)
			}
		})
	}
}

// A login prolongs nobody else's: who took over a session of the staff cannot
// keep it by logging in as a customer again and again.
func TestCarriedContextsKeepTheirAge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings session.Settings
		life     time.Duration
	}{
		"ttl":     {session.Settings{TTL: 4 * time.Hour}, 4 * time.Hour},
		"max age": {session.Settings{TTL: 4 * time.Hour, MaxAge: 6 * time.Hour, Rolling: true}, 6 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, store := newManager(t, test.settings)
			sid := login(t, m, "", claims("user", "user_1")).SID
			for passed := time.Hour; passed <= 8*time.Hour; passed += time.Hour {
				store.clock.Forward(time.Hour)
				sid = login(t, m, sid, claims("customer", "cus_1")).SID
				want := map[string]string{"customer": "cus_1"}
				if passed < test.life {
					want["user"] = "user_1"
				}
				if got := actors(t, m, sid); !maps.Equal(got, want) {
					t.Fatalf("after %s the session holds %v, want %v", passed, got, want)
				}
			}
		})
	}
}

// The age of a carried context ends it between two logins as well.
func TestCarriedContextEndsAlone(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{TTL: 4 * time.Hour})
	first := login(t, m, "", claims("user", "user_1"))
	store.clock.Forward(3 * time.Hour)
	second := login(t, m, first.SID, claims("customer", "cus_1"))
	store.clock.Forward(time.Hour - time.Millisecond)
	if got := actors(t, m, second.SID); len(got) != 2 {
		t.Errorf("before its end there is %v", got)
	}
	store.clock.Forward(time.Millisecond)
	if got, want := actors(t, m, second.SID), (map[string]string{"customer": "cus_1"}); !maps.Equal(got, want) {
		t.Errorf("after its end there is %v", got)
	}
}

// When the latest login is past its age, the latest of those that remain acts for
// the session, with the age it has.
func TestLatestLoginEndsAlone(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{MaxAge: 6 * time.Hour})
	ago := func(d time.Duration) string { return fmt.Sprint(start.Add(-d).UnixMilli()) }
	store.put("sid", `{"cookie":{"expires":"2026-11-22T16:54:34.263Z"},"auth_context":{"actor_type":"customer"},"created_at":`+ago(6*time.Hour)+`,
		"auth_contexts":{"user":{"actor_type":"user"},"vendor":{"actor_type":"vendor"},"agent":{"actor_type":"agent"}},
		"auth_contexts_created_at":{"user":`+ago(2*time.Hour)+`,"vendor":`+ago(time.Hour)+`,"agent":`+ago(7*time.Hour)+`}}`, 24*time.Hour)
	for _, want := range []struct {
		latest string
		remain int
	}{{"vendor", 2}, {"vendor", 1}} {
		record, err := m.Load(t.Context(), "sid")
		if err != nil || record.Latest != want.latest || len(record.Contexts) != want.remain || record.Contexts[want.latest].ActorType != want.latest {
			t.Fatalf("got %+v, %v, want %+v", record, err, want)
		}
		if !record.CreatedAt.Equal(start.Add(-time.Hour)) || record.Cookie.Expires.IsZero() {
			t.Errorf("logged in at %v, until %v", record.CreatedAt, record.Cookie.Expires)
		}
		store.clock.Forward(4 * time.Hour)
	}
	if got, want := actors(t, m, "sid"), map[string]string(nil); !maps.Equal(got, want) {
		t.Errorf("after the end of all there is %v", got)
	}
}
