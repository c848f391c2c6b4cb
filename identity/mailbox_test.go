package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// hasProviders fails the test unless the identity has those provider identities.
func hasProviders(t testing.TB, i *identity.Identity, want ...string) {
	t.Helper()
	var got []string
	for provider := range i.Providers {
		got = append(got, provider)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the identity has %q, want %q", got, want)
	}
}

// Eve registers Ann's address, which takes no proof, and links her own account of
// a third party. Once Ann has the mail, nothing of Eve's opens Ann's account.
// (attacks.md D10)
func TestResetEndsWhatWasLinkedBefore(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	old := r.register(t, "Ann@example.com", "eve's")
	id := old.IdentityID
	for _, provider := range []string{"google", "github"} {
		if _, err := r.link(t, id, provider, "eve"); err != nil {
			t.Fatal(err)
		}
	}
	eve, err := r.come(t, "google", "eve")
	if err != nil || eve.IdentityID != id {
		t.Fatalf("%+v, %v", eve, err)
	}
	if p := r.identity(t, id).Providers["emailpass"]; p.VerifiedEmail != "" {
		t.Errorf("proven by a registration: %+v", p)
	}
	r.forward(time.Minute)
	reset(t, r, "ann@example.com", "ann's own")
	hasProviders(t, r.identity(t, id), "emailpass")
	if p := r.identity(t, id).Providers["emailpass"]; p.VerifiedEmail != "Ann@example.com" {
		t.Errorf("not proven by a reset: %+v", p)
	}
	if told := r.told(); len(told) != 1 || told[0] != id {
		t.Errorf("told of %q", told)
	}
	ann, err := r.login(t, "ann@example.com", "ann's own")
	if err != nil || ann.IdentityID != id {
		t.Fatalf("%+v, %v", ann, err)
	}
	if err := r.Link(t.Context(), id, "customer", "cus_ann"); err != nil {
		t.Fatal(err)
	}
	for _, provider := range []string{"google", "github"} {
		c, err := r.come(t, provider, "eve")
		if err != nil || c.IdentityID == id || c.ActorID != "" {
			t.Errorf("%s: %+v, %v", provider, c, err)
		}
	}
	for _, c := range []identity.Claims{old, eve} {
		_, err := r.Refresh(t.Context(), c)
		wantRefused(t, err, "unauthorized", "revoked")
	}
}

// What is linked after the mailbox was proven stays at the next reset.
func TestResetKeepsWhatWasLinkedAfterwards(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "one").IdentityID
	reset(t, r, "ann@example.com", "two")
	r.forward(time.Minute)
	if _, err := r.link(t, id, "google", "ann"); err != nil {
		t.Fatal(err)
	}
	reset(t, r, "ann@example.com", "three")
	hasProviders(t, r.identity(t, id), "emailpass", "google")
	if c, err := r.come(t, "google", "ann"); err != nil || c.IdentityID != id {
		t.Errorf("%+v, %v", c, err)
	}
}

// A third party that vouches for the address which the reset proved vouches for
// the same person.
func TestResetKeepsWhatHasTheAddress(t *testing.T) {
	t.Parallel()
	for verified, kept := range map[string]bool{
		"ann@example.com": true, "ANN@example.com": true, "": false, "eve@example.com": false, "a b": false,
	} {
		r := newRealm(t, nil)
		id := r.register(t, "Ann@Example.com", "one").IdentityID
		r.google.set(identity.Profile{VerifiedEmail: verified}, nil)
		if _, err := r.link(t, id, "google", "1234"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.link(t, id, "github", "5678"); err != nil {
			t.Fatal(err)
		}
		reset(t, r, "ann@example.com", "two")
		want := []string{"emailpass"}
		if kept {
			want = append(want, "google")
		}
		hasProviders(t, r.identity(t, id), want...)
	}
}

// What is linked while the new password is being hashed goes as well.
func TestResetEndsWhatIsLinkedMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "eve's").IdentityID
	r.store.after = func(method string) {
		if method != "CheckReset" {
			return
		}
		if err := r.store.Store.AddProvider(t.Context(), id, identity.ProviderIdentity{Provider: "google", EntityID: "eve", Key: "eve"}, anytime); err != nil {
			t.Error(err)
		}
	}
	reset(t, r, "ann@example.com", "ann's own")
	hasProviders(t, r.identity(t, id), "emailpass")
}

// In front of a Medusa that has had Ann for a customer for long, the reset that
// joins the two joins Eve's account to nothing.
func TestResetByBackendEndsWhatWasLinkedBefore(t *testing.T) {
	t.Parallel()
	for name, mirror := range map[string]bool{"mirror": true, "random": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBehind(t, mirror)
			b.medusa.Account("ann@example.com", "hers", "cus_ann")
			if mirror {
				b.down(identitytest.MedusaFails)
			}
			id := b.register("customer", "ann@example.com").IdentityID
			b.down("")
			if err := b.Store.AddProvider(t.Context(), id, identity.ProviderIdentity{Provider: "sso", EntityID: "eve", Key: "eve"}, anytime); err != nil {
				t.Fatal(err)
			}
			_, token := b.pass("customer", "ann@example.com")
			if err := b.update("customer", token, "ann's new"); err != nil {
				t.Fatal(err)
			}
			if eve, err := b.come("customer", "eve", ""); err != nil || eve.IdentityID == id || eve.ActorID != "" {
				t.Errorf("eve is %+v, %v", eve, err)
			}
			ann, err := b.Authenticate(t.Context(), "customer", "emailpass", credentials("ann@example.com", "ann's new"))
			if err != nil || ann.Claims.IdentityID != id || ann.Claims.ActorID != "cus_ann" {
				t.Errorf("ann is %+v, %v", ann.Claims, err)
			}
		})
	}
}

// An account that a reset moves over is proven by it, one that a log-in moves
// over is not.
func TestMovedByResetIsProven(t *testing.T) {
	t.Parallel()
	for way, kept := range map[string][]string{"reset": {"emailpass", "sso"}, "log-in": {"emailpass"}} {
		b := newBehind(t, true)
		id := b.medusa.Account("ann@example.com", "hers", "cus_ann")
		if way == "reset" {
			b.reset("ann@example.com", "two")
		} else if b.who("ann@example.com", "hers") != id {
			t.Fatal("not moved over")
		}
		if err := b.Store.AddProvider(t.Context(), id, identity.ProviderIdentity{Provider: "sso", EntityID: "ann", Key: "ann"}, anytime); err != nil {
			t.Fatal(err)
		}
		b.reset("ann@example.com", "three")
		i, err := b.Store.Identity(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		hasProviders(t, i, kept...)
	}
}

// A mailbox that is proven makes nobody a user who came by a password, as in
// Medusa, or anybody who has an address would be one.
func TestNobodyIsAUserByAProvenMailbox(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.register("user", "eve@example.com")
	_, token := b.pass("user", "eve@example.com")
	if err := b.update("user", token, "two"); err != nil {
		t.Fatal(err)
	}
	eve, err := b.Authenticate(t.Context(), "user", "emailpass", credentials("eve@example.com", "two"))
	if err != nil {
		t.Fatal(err)
	}
	if i, err := b.Store.Identity(t.Context(), eve.Claims.IdentityID); err != nil || i.Providers["emailpass"].VerifiedEmail == "" {
		t.Fatalf("%+v, %v", i, err)
	}
	_, err = b.CreateUser(t.Context(), eve.Claims, "emailpass")
	wantRefused(t, err, "invalid_data: Email is required to create a user account.", "email_unverified")
	if n := b.medusa.Calls("POST /auth/emailpass/user"); n != 0 {
		t.Errorf("the backend was asked %d times", n)
	}
}
