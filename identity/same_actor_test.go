package identity_test

import (
	"errors"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// The backend has a user with a password, and made whoever came by a third party
// with their address the same user (reference medusa-v2, section 8). Their own
// account moves over beside the other one, whichever came first.
func TestSameUserByPasswordAndThirdParty(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"password", "third party"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			b := newBehind(t, true)
			old := b.medusa.Account("ada@example.com", "hers", "")
			byPassword := func() (id, actorID string) {
				t.Helper()
				login, err := b.Authenticate(t.Context(), "user", "emailpass", credentials("ada@example.com", "hers"))
				if err != nil {
					t.Fatal(err)
				}
				return login.Claims.IdentityID, login.Claims.ActorID
			}
			if first == "password" {
				byPassword()
			}
			c := b.sso("ada", "ada@example.com")
			if _, err := b.CreateUser(t.Context(), c, "sso"); err != nil {
				t.Fatal(err)
			}
			user := b.sso("ada", "ada@example.com").ActorID
			b.medusa.MakeUser("ada@example.com", user) // whom the fake does not find by the address
			for range 2 {
				if id, actorID := byPassword(); id != old || actorID != user {
					t.Errorf("by password %s as %s, want %s as %s", id, actorID, old, user)
				}
				if again := b.sso("ada", "ada@example.com"); again.IdentityID != c.IdentityID || again.ActorID != user {
					t.Errorf("by the third party %+v", again)
				}
			}
		})
	}
}

// An identity of another id has the account for its own, without its password:
// the one that the backend still has opens no second identity.
func TestAccountOfAnotherIdentityDoesNotMove(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	account := b.medusa.Account("ada@example.com", "hers", "")
	b.medusa.MakeUser("ada@example.com", "user_ada")
	ada := b.sso("ada", "")
	i, err := b.Store.Identity(t.Context(), ada.IdentityID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Store.SetBackend(t.Context(), i.ID, i.BackendID, account); err != nil {
		t.Fatal(err)
	}
	if err := b.Link(t.Context(), i.ID, "user", "user_ada"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Authenticate(t.Context(), "user", "emailpass", credentials("ada@example.com", "hers"))
	wantRefused(t, err, "unauthorized: Invalid email or password", "account_unknown")
	if _, err := b.Store.Identity(t.Context(), account); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("a second identity: %v", err)
	}
}

// Medusa deletes the user and one of the two identities. The other one is nobody
// from then on, by whichever way.
func TestDeletedUserWithTwoIdentities(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.medusa.Account("ada@example.com", "hers", "")
	c := b.sso("ada", "ada@example.com")
	if _, err := b.CreateUser(t.Context(), c, "sso"); err != nil {
		t.Fatal(err)
	}
	user := b.sso("ada", "ada@example.com").ActorID
	b.medusa.MakeUser("ada@example.com", user)
	b.medusa.DeleteUser(user)
	if _, err := b.Store.Unlink(t.Context(), "user", user, start); err != nil {
		t.Fatal(err)
	}
	back := b.sso("ada", "ada@example.com")
	if back.ActorID != "" {
		t.Errorf("by the third party as %s", back.ActorID)
	}
	if again, err := b.Refresh(t.Context(), back); err != nil || again.ActorID != "" {
		t.Errorf("refreshed to %+v, %v", again, err)
	}
	login, err := b.Authenticate(t.Context(), "user", "emailpass", credentials("ada@example.com", "hers"))
	if err != nil || login.Claims.ActorID != "" {
		t.Errorf("by password as %+v, %v", login.Claims, err)
	}
}
