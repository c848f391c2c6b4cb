package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// sso knows people by the code: a name and, behind a space, the address that it
// verified.
type sso struct{}

// AdmitEmail lets nobody in any more who logged in by left.example once.
func (sso) AdmitEmail(verified string) error {
	if strings.HasSuffix(verified, "@left.example") {
		return &identity.Error{Code: identity.CodeUnauthorized, Reason: "email_domain", Message: "Authentication failed"}
	}
	return nil
}

func (sso) DisplayName() string                { return "Single sign-on" }
func (sso) Flow() identity.Flow                { return identity.FlowRedirect }
func (sso) CallbackURL(string) (string, error) { return callbackURL, nil }
func (sso) BindRequired() bool                 { return false }

func (sso) Location(_ context.Context, state string, _ identity.Attempt) (string, error) {
	return "https://sso.example/?state=" + state, nil
}

func (sso) Profile(_ context.Context, code string, _ identity.Attempt) (identity.Profile, error) {
	name, verified, _ := strings.Cut(code, " ")
	metadata, err := json.Marshal(map[string]string{"name": name})
	return identity.Profile{Subject: name, VerifiedEmail: verified, UserMetadata: metadata}, err
}

// come logs in at sso, as the actor type.
func (b *behind) come(actorType, name, verified string) (identity.Claims, error) {
	b.t.Helper()
	l, err := b.Authenticate(b.t.Context(), actorType, "sso", identity.Input{Host: shopHost})
	if err != nil {
		b.t.Fatal(err)
	}
	_, state, _ := strings.Cut(l.Location, "state=")
	l, err = b.Callback(b.t.Context(), actorType, "sso", back(state, name+" "+verified))
	return l.Claims, err
}

// sso logs in at sso as a user.
func (b *behind) sso(name, verified string) identity.Claims {
	b.t.Helper()
	c, err := b.come("user", name, verified)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// Somebody comes through a provider that verified their address, and becomes a
// user at the backend; the address without the verification does not do, however
// the claims say it.
func TestCreateUser(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	c := b.sso("ada", "ada@example.com")
	if addresses := b.medusa.Addresses(); len(addresses) != 1 || !strings.HasSuffix(addresses[0], "@sidecar.invalid") {
		t.Errorf("shadows %q", addresses)
	}
	answer, err := b.CreateUser(t.Context(), c, "sso")
	if err != nil || !strings.Contains(string(answer), `"email":"ada@example.com"`) {
		t.Fatalf("answer %s, %v", answer, err)
	}
	if again := b.sso("ada", "ada@example.com"); !strings.HasPrefix(again.ActorID, "user_") || again.IdentityID != c.IdentityID {
		t.Errorf("logged in as %+v", again)
	}
	for name, refused := range map[string]struct {
		claims  identity.Claims
		message string
	}{
		"again":          {c, "The user is already registered and cannot create a new account."},
		"with the actor": {b.sso("ada", "ada@example.com"), "The user is already registered and cannot create a new account."},
		"unverified": {func() identity.Claims {
			c := b.sso("eve", "")
			c.UserMetadata = []byte(`{"verified":"ada@example.com","email":"ada@example.com"}`)
			return c
		}(), "Email is required to create a user account."},
		"no more let in":  {b.sso("lee", "lee@left.example"), "Authentication failed"},
		"another way in":  {func() identity.Claims { c := b.sso("bob", "bob@example.com"); c.Provider = "emailpass"; return c }(), "Only sso identities can create a user account for this authentication context"},
		"nobody any more": {identity.Claims{IdentityID: "authid_gone", ActorType: "user", Provider: "sso"}, ""},
	} {
		_, err := b.CreateUser(t.Context(), refused.claims, "sso")
		if e, ok := errors.AsType[*identity.Error](err); !ok || e.Message != refused.message {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := b.medusa.Calls("POST /auth/emailpass/user"); n != 1 {
		t.Errorf("the backend was asked %d times", n)
	}
}

// The answer got lost, and the user is there all the same.
func TestCreateUserAgain(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	c := b.sso("ada", "ada@example.com")
	b.medusa.Fault("POST /auth/emailpass/user", identitytest.MedusaLoses)
	if _, err := b.CreateUser(t.Context(), c, "sso"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("a lost answer: %v", err)
	}
	b.medusa.Fault("POST /auth/emailpass/user", "")
	if _, err := b.CreateUser(t.Context(), c, "sso"); identity.ReasonOf(err) != "user_registered" {
		t.Errorf("again: %v", err)
	}
	if c, err := b.Refresh(t.Context(), c); err != nil || !strings.HasPrefix(c.ActorID, "user_") {
		t.Errorf("refreshed to %+v, %v", c, err)
	}
}
