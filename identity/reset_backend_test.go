package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
)

// particular makes no credential, for a reason of its own.
type particular struct {
	*emailpass.Provider
	asked int
}

var errParticular = &identity.Error{Code: identity.CodeInvalid, Reason: "particular", Message: "Invalid token"}

func (p *particular) NewCredential(context.Context, identity.Input) (identity.Secret, error) {
	p.asked++
	return identity.Secret{}, errParticular
}

// What a provider says about a password is not taken for a word on the token,
// however it is worded.
func TestUpdateTellsTokensByTheError(t *testing.T) {
	t.Parallel()
	p := new(particular)
	b := newBehindWith(t, true, func(real *emailpass.Provider) identity.Provider { p.Provider = real; return p })
	b.register("customer", "jane@example.com")
	n, err := b.IssueReset(t.Context(), identity.ResetRequest{
		ID: "1", Provider: "emailpass", ActorType: "customer", Identifier: "jane@example.com", AskedAt: time.Now(),
	})
	if err != nil || n == nil {
		t.Fatal(n, err)
	}
	err = b.Update(t.Context(), "customer", "emailpass", n.Token.Reveal(), identity.Input{})
	if identity.ReasonOf(err) != "particular" || p.asked != 1 {
		t.Errorf("%v after %d questions", err, p.asked)
	}
}

// update sets a new password with the token.
func (b *behind) update(actorType, token, password string) error {
	return b.Update(b.t.Context(), actorType, "emailpass", token, identity.Input{Body: map[string]any{"password": password}})
}

// An account of the backend that is staff alone is not reset by the way of
// customers. Its password there is gone, which is all that its owner loses: a
// mail for the right actor type sets another, and nobody gets the account
// meanwhile.
func TestResetByAnotherActorTypeLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("ada@example.com", "hers", "")
	b.medusa.MakeUser("ada@example.com", "user_ada")
	_, token := b.pass("customer", "ada@example.com")
	wantAnswer(t, b.update("customer", token, "two"), invalidToken)
	for _, password := range []string{"hers", "two", ""} {
		for _, actorType := range []string{"customer", "user"} {
			in := identity.Input{Body: map[string]any{"email": "ada@example.com", "password": password}}
			if login, err := b.Authenticate(t.Context(), actorType, "emailpass", in); identity.CodeOf(err) != identity.CodeUnauthorized {
				t.Errorf("%q logs in as %+v, %v", password, login.Claims, err)
			}
			if c, err := b.Register(t.Context(), actorType, "emailpass", in); identity.CodeOf(err) != identity.CodeUnauthorized {
				t.Errorf("%q registers as %+v, %v", password, c, err)
			}
		}
	}
	if asked, _ := b.pass("customer", "ada@example.com"); len(asked) != 1 {
		t.Errorf("asked for %q", asked)
	}
	_, token = b.pass("user", "ada@example.com")
	if err := b.update("user", token, "three"); err != nil {
		t.Fatal(err)
	}
	login, err := b.Authenticate(t.Context(), "user", "emailpass", identity.Input{Body: map[string]any{"email": "ada@example.com", "password": "three"}})
	if err != nil || login.Claims.IdentityID != id || login.Claims.ActorID != "user_ada" {
		t.Errorf("logged in as %+v, %v", login.Claims, err)
	}
}

// A token that was used is an invalid one, and the backend need not say so.
func TestResetByBackendTwice(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.register("customer", "jane@example.com")
	_, token := b.pass("customer", "jane@example.com")
	if err := b.update("customer", token, "two"); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, b.update("customer", token, "three"), invalidToken)
	if b.who("jane@example.com", "two") == "-" {
		t.Error("the second use changed the password")
	}
}

// A second factor, which only the backend could ask for, keeps the account from
// being reset into ours, with an answer that says so. Once it is removed there,
// another mail does.
func TestResetOfAnAccountWithASecondFactor(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("jane@example.com", "hers", "cus_jane")
	b.medusa.SetSecondFactor("jane@example.com", true)
	_, token := b.pass("customer", "jane@example.com")
	err := b.update("customer", token, "two")
	if identity.CodeOf(err) != identity.CodeForbidden || identity.ReasonOf(err) != "backend_second_factor" {
		t.Errorf("refused with %v", err)
	}
	for _, password := range []string{"hers", "two"} {
		if got := b.who("jane@example.com", password); got != "-" {
			t.Errorf("%q opens %s", password, got)
		}
	}
	in := identity.Input{Body: map[string]any{"email": "jane@example.com", "password": "two"}}
	if _, err := b.Register(t.Context(), "customer", "emailpass", in); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("somebody registers the address: %v", err)
	}
	b.medusa.SetSecondFactor("jane@example.com", false)
	if b.reset("jane@example.com", "three"); b.who("jane@example.com", "three") != id {
		t.Error("without it, a mail does not do")
	}
}

// Whoever took the address of staff while the backend was down has no way to it
// through a mail for customers, and nor has the owner; a mail for users joins the
// two, and what was cached of the identity is dropped once it is.
func TestJoinAsksForTheActorType(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.medusa.Fault("", identitytest.MedusaFails)
	squatter := b.register("customer", "ada@example.com")
	b.medusa.Fault("", "")
	id := b.medusa.Account("ada@example.com", "hers", "")
	b.medusa.MakeUser("ada@example.com", "user_ada")
	logIn := func(password string) identity.Claims {
		t.Helper()
		login, err := b.Authenticate(t.Context(), "user", "emailpass", identity.Input{Body: map[string]any{"email": "ada@example.com", "password": password}})
		if err != nil {
			t.Fatal(err)
		}
		return login.Claims
	}
	_, token := b.pass("customer", "ada@example.com")
	if err := b.update("customer", token, "two"); err != nil {
		t.Fatal(err)
	}
	if c := logIn("two"); c.ActorID != "" {
		t.Errorf("logged in as %+v by a mail for customers", c)
	}
	if i, err := b.Store.Identity(t.Context(), squatter.IdentityID); err != nil || i.BackendID != "" {
		t.Errorf("joined with %q, %v", i.BackendID, err)
	}
	_, token = b.pass("user", "ada@example.com")
	before := len(b.told())
	if err := b.update("user", token, "three"); err != nil {
		t.Fatal(err)
	}
	if c := logIn("three"); c.ActorID != "user_ada" {
		t.Errorf("logged in as %+v", c)
	}
	told := b.told()[before:]
	if len(told) != 2 || told[1] != id {
		t.Errorf("the backend's id was %q when something was to be forgotten, want it to be %s at the end", told, id)
	}
}

// A request for a reset that the backend may have handled is not repeated, or
// mails would come again and again; one that it refused is.
func TestPassResetIsNotRepeated(t *testing.T) {
	t.Parallel()
	const route = "POST /auth/customer/emailpass/reset-password"
	b := newBehind(t, true)
	b.register("customer", "jane@example.com")
	r := identity.ResetRequest{ID: "1", Provider: "emailpass", ActorType: "customer", Identifier: "jane@example.com", AskedAt: time.Now()}
	for fault, again := range map[identitytest.MedusaFault]bool{
		identitytest.MedusaLoses: false, identitytest.MedusaHangs: false, identitytest.MedusaFails: true,
	} {
		b.medusa.Fault(route, fault)
		if err := b.PassReset(t.Context(), r); (err != nil) != again {
			t.Errorf("%s: %v", fault, err)
		}
	}
}
