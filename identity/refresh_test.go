package identity_test

import (
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// (reference medusa-v2, section 5)
func TestRefresh(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	registered := r.register(t, "ann@example.com", "secret")
	id := registered.IdentityID
	r.forward(90 * time.Second)

	c, err := r.Refresh(t.Context(), registered)
	if err != nil || c.ActorID != "" || c.IssuedAt != registered.IssuedAt+90 || c.ExpiresAt != registered.ExpiresAt+90 {
		t.Errorf("without actor: %s, %v", encode(t, c), err)
	}
	if err := r.Link(t.Context(), id, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	if c, err = r.Refresh(t.Context(), registered); err != nil || c.ActorID != "cus_1" || encode(t, c.AppMetadata) != `{"customer_id":"cus_1"}` {
		t.Errorf("with the actor that was made meanwhile: %s, %v", encode(t, c), err)
	}
	asUser := registered
	asUser.ActorType = "user"
	if c, err = r.Refresh(t.Context(), asUser); err != nil || c.ActorID != "" || c.ActorType != "user" {
		t.Errorf("as another actor type: %s, %v", encode(t, c), err)
	}
}

// The values in the old token are not trusted; only who and by what. (attacks.md A7)
func TestRefreshReadsEverythingAnew(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	came, err := r.come(t, "google", "1234")
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Refresh(t.Context(), came)
	if err != nil {
		t.Fatal(err)
	}
	forged := came
	forged.ActorID = "cus_evil"
	forged.AppMetadata = identity.Metadata{"customer_id": []byte(`"cus_evil"`), "roles": []byte(`["admin"]`)}
	forged.UserMetadata = []byte(`{"email":"evil@example.com"}`)
	forged.ExpiresAt = 1 << 40
	got, err := r.Refresh(t.Context(), forged)
	if err != nil || encode(t, got) != encode(t, want) {
		t.Errorf("%s, %v\nwant %s", encode(t, got), err, encode(t, want))
	}
	other := came
	other.Provider = "emailpass" // not one of this identity
	if got, err = r.Refresh(t.Context(), other); err != nil || string(got.UserMetadata) != "{}" {
		t.Errorf("%s, %v", encode(t, got), err)
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	good := r.register(t, "ann@example.com", "secret")
	for _, test := range []struct {
		name   string
		change func(*identity.Claims)
		want   string
	}{
		{"nothing", func(*identity.Claims) {}, "ok"},
		{"gone, with actor", func(c *identity.Claims) { c.IdentityID, c.ActorID = "authid_gone", "cus_1" }, "not_found: AuthIdentity with id: authid_gone was not found"},
		{"gone, without actor", func(c *identity.Claims) { c.IdentityID = "authid_gone" }, "unauthorized: Invalid auth identity while refreshing token"},
		{"without provider", func(c *identity.Claims) { c.Provider = "" }, "unauthorized: The auth provider is not set while refreshing token"},
		{"without provider, gone", func(c *identity.Claims) { c.IdentityID, c.Provider = "authid_gone", "" }, "unauthorized: The auth provider is not set while refreshing token"},
		{"without identity", func(c *identity.Claims) { c.IdentityID = "" }, "unauthorized"},
		{"of nobody", func(c *identity.Claims) { *c = identity.Claims{} }, "unauthorized"},
		{"minted elsewhere", func(c *identity.Claims) { *c = identity.Claims{ActorID: "cus_1", ActorType: "customer"} }, "unauthorized: The auth provider is not set while refreshing token"},
		{"an id that could be no key", func(c *identity.Claims) { c.IdentityID = "{}:*" }, "unauthorized: Invalid auth identity while refreshing token"},
	} {
		c := good
		test.change(&c)
		_, err := r.Refresh(t.Context(), c)
		if got := answer(err); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// After a revocation old claims are good for nothing; a login in that very
// second is. (design.md section 5; attacks.md F2)
func TestRefreshAfterRevocation(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	old := r.register(t, "ann@example.com", "secret")
	for round := range 3 { // all within one second
		r.forward(time.Millisecond) // of two requests at the same moment one does not count
		reset(t, r, "ann@example.com", "secret")
		_, err := r.Refresh(t.Context(), old)
		if answer(err) != "unauthorized" || identity.ReasonOf(err) != "revoked" {
			t.Errorf("round %d: %v", round, err)
		}
		c, err := r.login(t, "ann@example.com", "secret")
		if err != nil {
			t.Fatal(err)
		}
		validFrom := r.identity(t, c.IdentityID).ValidFrom
		if want := start.Unix() + int64(round) + 1; validFrom.Unix() != want || c.IssuedAt != want || c.ExpiresAt != want+24*60*60 {
			t.Errorf("round %d: valid from %d, issued at %d, expires at %d", round, validFrom.Unix(), c.IssuedAt, c.ExpiresAt)
		}
		if _, err := r.Refresh(t.Context(), c); err != nil {
			t.Errorf("round %d: a login after the revocation: %v", round, err)
		}
		old = c
	}
	r.forward(time.Minute)
	c, err := r.Refresh(t.Context(), old)
	if err != nil || c.IssuedAt != start.Add(time.Minute).Unix() {
		t.Errorf("later: issued at %d, %v", c.IssuedAt, err)
	}
	old.IssuedAt = 0 // a token without iat
	if _, err := r.Refresh(t.Context(), old); identity.ReasonOf(err) != "revoked" {
		t.Errorf("without a time: %v", err)
	}
}

// A token that waits for the backend's second factor goes on waiting.
// (attacks.md E6)
func TestRefreshKeepsTheSecondFactor(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	old := r.register(t, "ann@example.com", "secret")
	if err := r.Link(t.Context(), old.IdentityID, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	done := &identity.Time{Time: start}
	for _, test := range []struct {
		enabled   bool
		completed *identity.Time
		actor     string
	}{{false, nil, "cus_1"}, {true, nil, ""}, {true, done, "cus_1"}, {false, done, "cus_1"}} {
		old.MFAEnabled, old.MFACompleted = test.enabled, test.completed
		c, err := r.Refresh(t.Context(), old)
		if err != nil || c.ActorID != test.actor || c.MFAEnabled != test.enabled || c.MFACompleted != test.completed {
			t.Errorf("enabled %v, completed %v: %s, %v", test.enabled, test.completed, encode(t, c), err)
		}
	}
}
