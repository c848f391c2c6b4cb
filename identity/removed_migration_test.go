package identity_test

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// The backend still has the account with the password that somebody moved over
// with. Once they removed that way to log in, it leads neither to them nor to
// another identity that is the same customer.
func TestRemovedPasswordDoesNotMigrateAgain(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("old@example.com", "hers", "cus_old")
	in := identity.Input{Body: map[string]any{"email": "old@example.com", "password": "hers"}}
	login, err := b.Authenticate(t.Context(), "customer", "emailpass", in)
	if err != nil || login.Claims.ActorID != "cus_old" {
		t.Fatalf("%+v, %v", login, err)
	}
	if err := b.Store.AddProvider(t.Context(), id, identity.ProviderIdentity{Provider: "sso", EntityID: "ann", Key: "ann"}, anytime); err != nil {
		t.Fatal(err)
	}
	if _, err := b.RemoveProvider(t.Context(), login.Claims, "emailpass"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = b.Authenticate(t.Context(), "customer", "emailpass", in)
		wantRefused(t, err, "unauthorized: Invalid email or password", "account_unknown")
	}
	if i, err := b.Store.Identity(t.Context(), id); err != nil || len(i.Providers) != 1 || i.ActorID("customer") != "cus_old" {
		t.Errorf("%+v, %v", i, err)
	}
	_, err = b.Register(t.Context(), "customer", "emailpass", in)
	wantRefused(t, err, "unauthorized: Identity with email already exists", "backend_identity_exists")
	_, token := b.pass("customer", "old@example.com")
	if err := b.Update(t.Context(), "customer", "emailpass", token, in); err == nil {
		t.Error("a new password was taken")
	}
	_, err = b.Authenticate(t.Context(), "customer", "emailpass", in)
	wantRefused(t, err, "unauthorized: Invalid email or password", "account_unknown")
}
