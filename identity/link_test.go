package identity_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestLink(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.register(t, "ann@example.com", "secret")
	for range 2 { // the same again is fine
		if err := r.Link(t.Context(), c.IdentityID, "customer", "cus_1"); err != nil {
			t.Fatal(err)
		}
	}
	i := r.identity(t, c.IdentityID)
	if i.ActorID("customer") != "cus_1" || !i.ValidFrom.IsZero() || len(r.told()) != 0 {
		t.Errorf("stored %+v, told of %q", i, r.told())
	}
	if err := r.Link(t.Context(), c.IdentityID, "customer", "cus_2"); !errors.Is(err, identity.ErrLinked) {
		t.Errorf("another actor: %v", err)
	}
	if err := r.Link(t.Context(), "authid_gone", "customer", "cus_1"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if i := r.identity(t, c.IdentityID); i.ActorID("customer") != "cus_1" {
		t.Errorf("the actor is %q", i.ActorID("customer"))
	}
}

// What a backend names must fit into a header and a key.
func TestLinkActors(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	r.store.called()
	bad := []string{"", " ", "a b", "a\n", "a\x00", "\x7f", "käufer", "a\xff", strings.Repeat("a", 257), "cus_1\r\nX-Auth-Actor-Type: user"}
	for _, actorID := range bad {
		wantAnswer(t, r.Link(t.Context(), id, "customer", actorID), "invalid_data: The backend named no usable actor")
		wantAnswer(t, r.Unlink(t.Context(), "customer", actorID), "ok")
	}
	for _, actorType := range []string{"", "a b", "a:b", strings.Repeat("a", 65)} {
		wantAnswer(t, r.Link(t.Context(), id, actorType, "cus_1"), "invalid_data: The backend named no usable actor")
		wantAnswer(t, r.Unlink(t.Context(), actorType, "cus_1"), "ok")
	}
	if calls := r.store.called(); len(calls) > 0 {
		t.Errorf("the store was asked: %v", calls)
	}
	for n, actorID := range []string{"cus_01M7ZGFXGPG36TS347VNFWCBA0", "1", "!~{}:*", strings.Repeat("a", 256)} {
		actorType := strings.Repeat("a", n+1)
		if err := r.Link(t.Context(), id, actorType, actorID); err != nil || r.identity(t, id).ActorID(actorType) != actorID {
			t.Errorf("%q: %v", actorID, err)
		}
	}
}

// An actor that the backend deleted takes the credentials along, and the last
// one the identity. (design.md section 7)
func TestUnlink(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.register(t, "ann@example.com", "secret")
	id := c.IdentityID
	for actorType, actorID := range map[string]string{"customer": "cus_1", "user": "user_1"} {
		if err := r.Link(t.Context(), id, actorType, actorID); err != nil {
			t.Fatal(err)
		}
	}
	r.forward(time.Minute)
	for _, nobody := range [][2]string{{"customer", "cus_2"}, {"user", "cus_1"}, {"robot", "user_1"}} {
		wantAnswer(t, r.Unlink(t.Context(), nobody[0], nobody[1]), "ok")
	}
	if len(r.told()) > 0 {
		t.Errorf("told of %q", r.told())
	}
	wantAnswer(t, r.Unlink(t.Context(), "user", "user_1"), "ok")
	i := r.identity(t, id)
	if want := start.Add(time.Minute + time.Second).Truncate(time.Second); i.ActorID("user") != "" || i.ActorID("customer") != "cus_1" || !i.ValidFrom.Equal(want) {
		t.Errorf("stored %+v", i)
	}
	if _, err := r.Refresh(t.Context(), c); identity.ReasonOf(err) != "revoked" {
		t.Errorf("refreshing old claims: %v", err)
	}
	wantAnswer(t, r.Unlink(t.Context(), "customer", "cus_1"), "ok")
	wantAnswer(t, r.Unlink(t.Context(), "customer", "cus_1"), "ok") // again
	if told := r.told(); !slices.Equal(told, []string{id, id}) {
		t.Errorf("told of %q", told)
	}
	if _, err := r.store.Store.Identity(t.Context(), id); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("the identity is still there: %v", err)
	}
	if again := r.register(t, "ann@example.com", "secret"); again.IdentityID == id {
		t.Error("the address has the old identity")
	}
}
