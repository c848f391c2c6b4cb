package session_test

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

func TestStart(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	customer := claims("customer", "cus_1")
	started := login(t, m, "", customer)

	if !regexp.MustCompile(`^[A-Za-z0-9_-]{32}$`).MatchString(started.SID) {
		t.Errorf("session id %q", started.SID)
	}
	line, _, _ := strings.Cut(started.SetCookie, ";")
	if sid, ok := m.FromRequest(cookies(line)); !ok || sid != started.SID {
		t.Errorf("the cookie %s is read as %q, %t", started.SetCookie, sid, ok)
	}
	text, ok := store.get(started.SID)
	want := `{"cookie":{"originalMaxAge":36000000,"expires":"2026-11-22T02:54:34.263Z","secure":false,"httpOnly":true,"path":"/","sameSite":false},` +
		`"auth_context":{"actor_id":"cus_1","actor_type":"customer","auth_identity_id":"authid_01M7ZGFXCPEBDV33HJKCJAF3EE","auth_provider":"emailpass",` +
		`"mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{"customer_id":"cus_1"},"user_metadata":{},"iat":1795279474,"exp":1795283074},` +
		`"created_at":1795280074263}`
	if !ok || text != want {
		t.Errorf("stored\n got %s\nwant %s", text, want)
	}
	if data, err := started.Record.Encode(); err != nil || string(data) != text {
		t.Errorf("returned the record %s, %v", data, err)
	}
	if got := store.records[started.SID].expires; !got.Equal(start.Add(session.DefaultTTL)) {
		t.Errorf("kept until %s", got)
	}
	if other := login(t, m, "", customer); other.SID == started.SID {
		t.Error("two logins have one id")
	}
}

// F1: whatever id the browser brought, afterwards it is another one and the
// old one is dead.
func TestStartEndsFixedSessions(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	attacker := login(t, m, "", claims("customer", "cus_attacker"))
	for name, planted := range map[string]string{
		"the attacker's own session": attacker.SID,
		"an id without a session":    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		victim := login(t, m, planted, claims("customer", "cus_victim"))
		if victim.SID == planted {
			t.Errorf("%s: the id was kept", name)
		}
		if got := actors(t, m, planted); got != nil {
			t.Errorf("%s: still logged in as %v", name, got)
		}
		if got := actors(t, m, victim.SID); got["customer"] != "cus_victim" || len(got) != 1 {
			t.Errorf("%s: logged in as %v", name, got)
		}
	}
	// A record that cannot be read is no reason to leave it there.
	store.put("broken", "{", time.Hour)
	login(t, m, "broken", claims("customer", "cus_1"))
	if _, ok := store.get("broken"); ok {
		t.Error("the broken record was left")
	}
}

// F9: a customer and a user in one browser do not disturb each other.
func TestStartSideBySide(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Settings{})
	steps := []struct {
		actorType, actorID string
		want               map[string]string
	}{
		{"customer", "cus_1", map[string]string{"customer": "cus_1"}},
		{"user", "user_1", map[string]string{"customer": "cus_1", "user": "user_1"}},
		{"customer", "cus_2", map[string]string{"customer": "cus_2", "user": "user_1"}},
		{"vendor", "ven_1", map[string]string{"customer": "cus_2", "user": "user_1", "vendor": "ven_1"}},
		{"user", "user_2", map[string]string{"customer": "cus_2", "user": "user_2", "vendor": "ven_1"}},
	}
	sid := ""
	for _, step := range steps {
		started := login(t, m, sid, claims(step.actorType, step.actorID))
		if got := actors(t, m, started.SID); !maps.Equal(got, step.want) {
			t.Fatalf("after %s the session holds %v, want %v", step.actorID, got, step.want)
		}
		if started.Record.Latest != step.actorType {
			t.Errorf("latest is %q", started.Record.Latest)
		}
		if sid != "" && actors(t, m, sid) != nil {
			t.Error("the older id still works")
		}
		sid = started.SID
	}
	if err := m.End(t.Context(), sid, nil); err != nil {
		t.Fatal(err)
	}
	if got := actors(t, m, sid); got != nil {
		t.Errorf("after the log-out there is %v", got)
	}
}

// The new session is there before the old one goes, so that a crash between
// the two logs nobody out.
func TestStartWritesBeforeItDeletes(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	old := login(t, m, "", claims("customer", "cus_1"))
	store.ops = nil
	login(t, m, old.SID, claims("customer", "cus_1"))
	if want := []string{"load", "list", "save", "delete", "unlist"}; !slices.Equal(store.ops, want) {
		t.Errorf("same actor type: %v, want %v", store.ops, want)
	}
	store.ops = nil
	login(t, m, "", claims("customer", "cus_1"))
	if want := []string{"list", "save"}; !slices.Equal(store.ops, want) {
		t.Errorf("first login: %v, want %v", store.ops, want)
	}
}

// When the store cannot confirm it, the login fails, the old session is as it
// was and nothing new works.
func TestStartFailsWithTheStore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fail    []string
		leaves  int // sessions in the store
		oldGone bool
	}{
		"load":             {[]string{"load"}, 1, false},
		"save":             {[]string{"save"}, 1, false},
		"everything":       {[]string{"load", "save", "delete", "replace"}, 1, false},
		"delete, and undo": {[]string{"delete"}, 2, false}, // the second is known to nobody
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, store := newManager(t, session.Settings{})
			old := login(t, m, "", claims("customer", "cus_1"))
			store.before = failing(test.fail...)
			started, err := m.Start(t.Context(), old.SID, claims("user", "user_1"), false)
			if identity.CodeOf(err) != identity.CodeUnavailable || errors.Is(err, identity.ErrNotFound) {
				t.Errorf("got error %v", err)
			}
			if started.SID != "" || started.SetCookie != "" {
				t.Errorf("got %+v", started)
			}
			store.before = nil
			if got := actors(t, m, old.SID); !maps.Equal(got, map[string]string{"customer": "cus_1"}) {
				t.Errorf("the old session holds %v", got)
			}
			if got := store.sids(); len(got) != test.leaves {
				t.Errorf("the store holds %v", got)
			}
		})
	}
}

// If the old session cannot be ended the new one is taken back, even when the
// client has gone.
func TestStartTakesBackTheNewSession(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	old := login(t, m, "", claims("customer", "cus_1"))
	ctx, cancel := context.WithCancel(t.Context())
	store.before = func(ctx context.Context, op, sid string) error {
		if op == "delete" && sid == old.SID {
			cancel()
			return identity.Unavailable("store_unavailable", ctx.Err())
		}
		return ctx.Err()
	}
	_, err := m.Start(ctx, old.SID, claims("customer", "cus_1"), false)
	if identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("got error %v", err)
	}
	if got := store.sids(); !slices.Equal(got, []string{old.SID}) {
		t.Errorf("the store holds %v, want %s alone", got, old.SID)
	}
}

// A log-out that comes between the reading of the old session and its end is
// not undone by carrying over what it ended.
func TestStartCarriesNothingThatWasLoggedOut(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	old := login(t, m, "", claims("customer", "cus_1"))
	store.before = func(ctx context.Context, op, _ string) error {
		if op == "save" {
			store.before = nil
			return m.End(ctx, old.SID, nil)
		}
		return nil
	}
	started := login(t, m, old.SID, claims("user", "user_1"))
	want := map[string]string{"user": "user_1"}
	if got := actors(t, m, started.SID); !maps.Equal(got, want) {
		t.Errorf("the session holds %v, want %v", got, want)
	}
	if len(started.Record.Contexts) != 1 || len(started.Record.Carried) != 0 {
		t.Errorf("the returned record holds %v", started.Record.Contexts)
	}
}

// Nor is it when the store fails just then.
func TestStartFailsWhenItCannotForgetWhatWasLoggedOut(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	old := login(t, m, "", claims("customer", "cus_1"))
	saves := 0
	store.before = func(ctx context.Context, op, sid string) error {
		if op != "save" {
			return nil
		}
		if saves++; saves == 2 {
			return failing("save")(ctx, op, sid)
		}
		return m.End(ctx, old.SID, nil)
	}
	if _, err := m.Start(t.Context(), old.SID, claims("user", "user_1"), false); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("got error %v", err)
	}
	if got := store.sids(); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}

// The log-out that ends the old session last wins too: it had begun before.
func TestStartCarriesNothingThatIsLoggedOutLast(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	old := login(t, m, "", claims("customer", "cus_1"))
	store.before = func(ctx context.Context, op, sid string) error {
		if op == "delete" && sid == old.SID {
			store.before = nil
			return m.End(ctx, old.SID, nil)
		}
		return nil
	}
	started := login(t, m, old.SID, claims("user", "user_1"))
	if got := actors(t, m, started.SID); !maps.Equal(got, map[string]string{"user": "user_1"}) {
		t.Errorf("the session holds %v", got)
	}
}

// What is to be deleted may be gone already.
func TestStartWithAStoreThatMissesTheOldSession(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	store.before = func(_ context.Context, op, _ string) error {
		if op == "delete" {
			return identity.ErrNotFound
		}
		return nil
	}
	login(t, m, "gone", claims("user", "user_1"))
	if err := m.End(t.Context(), "gone", nil); err != nil {
		t.Errorf("ending it again: %v", err)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	if _, err := m.Start(t.Context(), "", identity.Claims{ActorID: "cus_1"}, false); err == nil {
		t.Error("claims without an actor type were accepted")
	}
	large := claims("customer", "cus_1")
	large.UserMetadata = []byte(`"` + strings.Repeat("a", session.MaxRecord) + `"`)
	if _, err := m.Start(t.Context(), "", large, false); identity.CodeOf(err) != identity.CodeInvalid {
		t.Errorf("too large: %v", err)
	}
	noRandom, err := session.NewManager(session.Config{
		Secrets: secrets([]string{"s"}), Store: store, Rand: iotest.ErrReader(errors.New("no entropy")),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := noRandom.Start(t.Context(), "", claims("customer", "cus_1"), false); err == nil {
		t.Error("started without entropy")
	}
	if got := store.sids(); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}
