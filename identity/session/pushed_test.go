package session_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// Sessions that end because there are too many are told, also by a log-in that fails
// afterwards.
func TestStartTellsWhatItEnds(t *testing.T) {
	t.Parallel()
	store := &memory{clock: identitytest.NewClockAt(start), records: make(map[string]stored)}
	var told []string
	m, err := session.NewManager(session.Config{
		Secrets: secrets([]string{"s"}), Store: store, Clock: store.clock.Now, Ended: func(sid string) { told = append(told, sid) },
	})
	if err != nil {
		t.Fatal(err)
	}
	oldest, old := login(t, m, "", claims("customer", "cus_1")), login(t, m, "", claims("customer", "cus_1"))
	if store.replaced != "" {
		t.Errorf("the first takes the place of %q", store.replaced)
	}
	store.pushed = []string{oldest.SID}
	next := login(t, m, old.SID, claims("user", "user_1"))
	if !slices.Equal(told, []string{oldest.SID}) || actors(t, m, oldest.SID) != nil {
		t.Errorf("told of %q", told)
	}
	if store.replaced != session.PublicID(old.SID) {
		t.Errorf("it takes the place of %q", store.replaced)
	}
	store.pushed = []string{"another"}
	if _, err := m.Leave(t.Context(), next.SID, "user", false); err != nil || store.replaced != session.PublicID(next.SID) {
		t.Errorf("leaving took the place of %q: %v", store.replaced, err)
	}
	store.before = failing("save")
	if _, err := m.Start(t.Context(), "", claims("customer", "cus_1"), false); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("got error %v", err)
	}
	if !slices.Equal(told, []string{oldest.SID, "another", "another"}) {
		t.Errorf("told of %q", told)
	}
}

// Nothing is listed that cannot be written: it would take up place.
func TestStartListsNothingThatIsTooLarge(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	large := claims("customer", "cus_1")
	large.UserMetadata = []byte(`"` + strings.Repeat("a", session.MaxRecord) + `"`)
	if _, err := m.Start(t.Context(), "", large, false); identity.CodeOf(err) != identity.CodeInvalid || len(store.ops) != 0 {
		t.Errorf("%v after %v", err, store.ops)
	}
}
