package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestMigratePerson(t *testing.T) {
	t.Parallel()
	for _, actorType := range []string{"customer", "user"} {
		t.Run(actorType, func(t *testing.T) {
			t.Parallel()
			backend := new(older)
			s := newV1Shop(t, backend)
			id := backend.add(actorType, "Jane@Example.com", "weak")
			if _, err := s.signIn(actorType, "jane@example.com", "wrong"); identity.CodeOf(err) != identity.CodeUnauthorized {
				t.Errorf("wrong password: %v", err)
			}
			c := s.mustSignIn(actorType, "jane@example.com", "weak")
			i, err := s.store.Identity(t.Context(), c.IdentityID)
			if err != nil || c.ActorID != id || i.Providers["emailpass"].EntityID != "Jane@Example.com" || i.Providers["emailpass"].Key != "jane@example.com" {
				t.Errorf("moved over as %+v %+v, %v", c, i, err)
			}
			if a := backend.account(actorType, "jane@example.com"); a.password != "derived of jane@example.com" {
				t.Errorf("the backend still has the password %q", a.password)
			}
			if again := s.mustSignIn(actorType, "JANE@example.com", "weak"); again.IdentityID != c.IdentityID {
				t.Errorf("again as %+v", again)
			}
		})
	}
}

// The newer dialect's login moves an account over just so.
func TestMigratePersonByTheNewerDialect(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	id := backend.add("customer", "jane@example.com", "weak")
	login, err := s.Authenticate(t.Context(), "customer", "emailpass", credentials("jane@example.com", "weak"))
	if err != nil || login.Claims.ActorID != id {
		t.Errorf("got %+v, %v", login, err)
	}
	if _, err := s.Authenticate(t.Context(), "partner", "emailpass", credentials("other@example.com", "weak")); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("an actor type that the backend does not have: %v", err)
	}
}

// A login does not fail because the old password stays at the backend.
func TestMigrateWithoutSeal(t *testing.T) {
	t.Parallel()
	backend := &older{sealErr: errors.New("refused")}
	s := newV1Shop(t, backend)
	backend.add("user", "staff@example.com", "weak")
	s.mustSignIn("user", "staff@example.com", "weak")
	s.mustSignIn("user", "staff@example.com", "weak")
}

func TestMigrateWhenTheBackendIsDown(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	backend.add("customer", "jane@example.com", "weak")
	backend.down = identity.Unavailable("backend_down", errors.New("refused"))
	if _, err := s.signIn("customer", "jane@example.com", "weak"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("unknown is no: %v", err)
	}
	if _, err := s.HasAccount(t.Context(), "customer", "jane@example.com"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("unknown is no: %v", err)
	}
	if _, err := s.Register(t.Context(), "customer", "emailpass", credentials("jane@example.com", "x")); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("the address may be somebody's: %v", err)
	}
}

// Whoever is both there moves over as both with one password, and only so: an
// address proves nothing. With two it is the user's that counts, whoever comes first.
func TestMigrateOfSomebodyWhoIsBoth(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ customer, user, answer string }{
		"one password":  {"same", "same", "ok"},
		"two passwords": {"one", "two", "unauthorized: Invalid email or password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := new(older)
			s := newV1Shop(t, backend)
			backend.add("customer", "both@example.com", test.customer)
			id := backend.add("user", "both@example.com", test.user)
			_, err := s.signIn("customer", "both@example.com", test.customer)
			wantAnswer(t, err, test.answer)
			if c := s.mustSignIn("user", "both@example.com", test.user); c.ActorID != id {
				t.Errorf("logged in as %+v", c)
			}
			_, err = s.signIn("customer", "both@example.com", test.customer)
			wantAnswer(t, err, test.answer)
			if _, err := s.signIn("user", "both@example.com", test.customer); answer(err) != test.answer {
				t.Errorf("with the customer's password: %v", err)
			}
		})
	}
}

func TestHasAccount(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	if _, _, err := s.signUp("jane@example.com", "secret"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Register(t.Context(), "customer", "emailpass", credentials("newer@example.com", "secret")); err != nil {
		t.Fatal(err)
	}
	backend.add("customer", "old@example.com", "secret")
	for address, want := range map[string]bool{
		"jane@example.com": true, "JANE@example.com": true, "newer@example.com": true, "old@example.com": true,
		"nobody@example.com": false, "zzz": false, "": false,
	} {
		if got, err := s.HasAccount(t.Context(), "customer", address); err != nil || got != want {
			t.Errorf("%s: got %t, %v", address, got, err)
		}
	}
	if got, err := s.HasAccount(t.Context(), "user", "newer@example.com"); err != nil || got {
		t.Errorf("a user: got %t, %v", got, err)
	}
}

func TestAccountIsGone(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	c, _, err := s.signUp("jane@example.com", "secret")
	if err != nil {
		t.Fatal(err)
	}
	delete(backend.accounts, "customer jane@example.com")
	if _, _, err := s.Account(t.Context(), c); identity.CodeOf(err) != identity.CodeNotFound {
		t.Errorf("got %v", err)
	}
	// That ends what the customer has here: the address may register again.
	if _, _, err := s.Account(t.Context(), c); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("again: %v", err)
	}
	if again, _, err := s.signUp("jane@example.com", "another"); err != nil || again.IdentityID == c.IdentityID {
		t.Errorf("anew: %+v, %v", again, err)
	}
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	s := newV1Shop(t, nil)
	c, _, err := s.signUp("jane@example.com", "old")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.signUp("carol@example.com", "carols"); err != nil {
		t.Fatal(err)
	}
	reset := func(actorType, address, token, password string) (identity.Claims, error) {
		return s.ResetPassword(t.Context(), actorType, address, token, identity.Input{Body: map[string]any{"password": password}})
	}
	token := s.resetToken("customer", "jane@example.com")
	for name, call := range map[string]func() (identity.Claims, error){
		"another's address":  func() (identity.Claims, error) { return reset("customer", "carol@example.com", token, "new") },
		"unknown address":    func() (identity.Claims, error) { return reset("customer", "nobody@example.com", token, "new") },
		"another actor type": func() (identity.Claims, error) { return reset("user", "jane@example.com", token, "new") },
		"garbage":            func() (identity.Claims, error) { return reset("customer", "jane@example.com", "garbage", "new") },
		"empty":              func() (identity.Claims, error) { return reset("customer", "jane@example.com", "", "new") },
	} {
		if _, err := call(); answer(err) != invalidToken {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.now = s.now.Add(2 * time.Second)
	got, err := reset("customer", "Jane@example.com", token, "new")
	if err != nil || got.ActorID != c.ActorID || got.IdentityID != c.IdentityID || got.IssuedAt <= c.IssuedAt {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := reset("customer", "jane@example.com", token, "newer"); answer(err) != invalidToken {
		t.Errorf("used again: %v", err)
	}
	s.mustSignIn("customer", "jane@example.com", "new")
	// The admin's request may leave the address out.
	s.now = s.now.Add(2 * time.Minute)
	if _, err := reset("customer", "", s.resetToken("customer", "jane@example.com"), "newest"); err != nil {
		t.Errorf("without an address: %v", err)
	}
}

// Somebody who has not moved over is told by the backend, and moves over by its
// token.
func TestResetAtTheBackend(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	id := backend.add("customer", "old@example.com", "forgotten")
	if _, _, err := s.signUp("ours@example.com", "secret"); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"old@example.com", "ours@example.com"} {
		err := s.PassReset(t.Context(), identity.ResetRequest{ID: "1", Provider: "emailpass", ActorType: "customer", Identifier: address, AskedAt: s.now})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(backend.asked) != 1 || backend.asked[0] != "customer old@example.com" {
		t.Errorf("the backend was asked for %v", backend.asked)
	}
	backend.tokens["old@example.com"], backend.tokens["ours@example.com"] = "theirs", "theirs"
	reset := func(address, token, password string) (identity.Claims, error) {
		return s.ResetPassword(t.Context(), "customer", address, token, identity.Input{Body: map[string]any{"password": password}})
	}
	for name, err := range map[string]error{
		"wrong token":            func() error { _, err := reset("old@example.com", "another", "new"); return err }(),
		"of somebody moved over": func() error { _, err := reset("ours@example.com", "theirs", "new"); return err }(),
		"no address":             func() error { _, err := reset("", "theirs", "new"); return err }(),
	} {
		if answer(err) != invalidToken {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := reset("old@example.com", "theirs", ""); identity.CodeOf(err) != identity.CodeInvalid {
		t.Errorf("no password: %v", err)
	}
	c, err := reset("old@example.com", "theirs", "new")
	if err != nil || c.ActorID != id {
		t.Fatalf("got %+v, %v", c, err)
	}
	if a := backend.account("customer", "old@example.com"); a.password != "derived of old@example.com" {
		t.Errorf("the backend has the password %q", a.password)
	}
	s.mustSignIn("customer", "old@example.com", "new")
	if _, err := s.signIn("customer", "old@example.com", "forgotten"); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("the old password: %v", err)
	}
}
