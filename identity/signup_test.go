package identity_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestSignUpWithoutABackend(t *testing.T) {
	t.Parallel()
	s := newV1Shop(t, nil)
	c, body, err := s.signUp("Jane@Example.com", "Passw0rd!")
	if err != nil || body != nil {
		t.Fatalf("got %s, %v", body, err)
	}
	if !strings.HasPrefix(c.ActorID, "cus_") || len(c.ActorID) != 30 || c.ActorType != "customer" || c.Provider != "emailpass" ||
		string(c.UserMetadata) != `{"first_name":"J"}` || string(c.AppMetadata["customer_id"]) != `"`+c.ActorID+`"` {
		t.Errorf("claims %+v", c)
	}
	i, err := s.store.ByActor(t.Context(), "customer", c.ActorID)
	if err != nil || i.ID != c.IdentityID {
		t.Errorf("found %+v, %v", i, err)
	}
	// The newer dialect knows the same person.
	login, err := s.Authenticate(t.Context(), "customer", "emailpass", credentials("jane@example.com", "Passw0rd!"))
	if err != nil || login.Claims.ActorID != c.ActorID || login.Claims.IdentityID != c.IdentityID {
		t.Errorf("logged in as %+v, %v", login, err)
	}
	// The address is taken, whoever asks.
	for _, password := range []string{"Passw0rd!", "another"} {
		if _, _, err := s.signUp("jane@example.com", password); identity.ReasonOf(err) != "identity_exists" {
			t.Errorf("again: %v", err)
		}
	}
}

// Somebody who registered by the newer dialect, and is no actor yet, becomes a
// customer of the older one.
func TestOneIdentityForBothDialects(t *testing.T) {
	t.Parallel()
	for name, backend := range map[string]*older{"alone": nil, "with a backend": new(older)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newV1Shop(t, backend)
			registered := map[string]identity.Claims{}
			for _, email := range []string{"in@example.com", "up@example.com", "wrong@example.com"} {
				c, err := s.Register(t.Context(), "customer", "emailpass", credentials(email, "secret"))
				if err != nil {
					t.Fatal(err)
				}
				registered[email] = c
			}
			in := s.mustSignIn("customer", "in@example.com", "secret")
			up, _, err := s.signUp("up@example.com", "secret")
			if err != nil {
				t.Fatal(err)
			}
			for email, c := range map[string]identity.Claims{"in@example.com": in, "up@example.com": up} {
				if c.IdentityID != registered[email].IdentityID || !strings.HasPrefix(c.ActorID, "cus_") ||
					string(c.AppMetadata["customer_id"]) != `"`+c.ActorID+`"` {
					t.Errorf("%s: %+v", email, c)
				}
				if again := s.mustSignIn("customer", email, "secret"); again.ActorID != c.ActorID {
					t.Errorf("%s: another customer %s", email, again.ActorID)
				}
			}
			if backend == nil && string(up.UserMetadata) != `{"first_name":"J"}` {
				t.Errorf("the profile is %s", up.UserMetadata)
			}
			if _, _, err := s.signUp("wrong@example.com", "other"); identity.ReasonOf(err) != "identity_exists" {
				t.Errorf("with another password: %v", err)
			}
		})
	}
}

// A customer is nobody at the admin, and the other way round.
func TestSignInOfAnotherActorType(t *testing.T) {
	t.Parallel()
	s := newV1Shop(t, nil)
	if _, _, err := s.signUp("c@example.com", "secret"); err != nil {
		t.Fatal(err)
	}
	u, err := s.Register(t.Context(), "user", "emailpass", credentials("u@example.com", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.signIn("user", "u@example.com", "secret"); identity.ReasonOf(err) != "actor_missing" {
		t.Errorf("a user before the invite: %v", err)
	}
	if err := s.Link(t.Context(), u.IdentityID, "user", "usr_1"); err != nil {
		t.Fatal(err)
	}
	if c := s.mustSignIn("user", "u@example.com", "secret"); c.ActorID != "usr_1" {
		t.Errorf("got %+v", c)
	}
	for actorType, email := range map[string]string{"user": "c@example.com", "customer": "u@example.com"} {
		_, err := s.signIn(actorType, email, "secret")
		_, wrong := s.signIn(actorType, email, "wrong")
		_, unknown := s.signIn(actorType, "nobody@example.com", "secret")
		if identity.ReasonOf(err) != "actor_missing" {
			t.Errorf("%s as %s: %v", email, actorType, err)
		}
		for _, e := range []error{wrong, unknown} {
			if answer(e) != answer(err) {
				t.Errorf("%q and %q can be told apart", answer(e), answer(err))
			}
		}
	}
}

func TestSignUpWithABackend(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	c, body, err := s.signUp("jane@example.com", "Passw0rd!")
	if err != nil || string(body) != `{"id":"`+c.ActorID+`","profile":{"first_name":"J"}}` || c.ActorID != "cus_1" {
		t.Fatalf("got %+v %s, %v", c, body, err)
	}
	if a := backend.account("customer", "jane@example.com"); a.password != "derived of jane@example.com" {
		t.Errorf("the backend has the password %q", a.password)
	}
	i, shown, err := s.Account(t.Context(), c)
	if err != nil || i.ID != c.IdentityID || string(shown) != string(body) {
		t.Errorf("account %+v %s, %v", i, shown, err)
	}
	// An account that is somebody's there, and the address of a user.
	backend.add("customer", "moved@example.com", "theirs")
	backend.add("user", "staff@example.com", "theirs")
	for _, email := range []string{"moved@example.com", "staff@example.com"} {
		if _, _, err := s.signUp(email, "mine"); identity.ReasonOf(err) != "identity_exists" {
			t.Errorf("%s: %v", email, err)
		}
		if _, err := s.Register(t.Context(), "customer", "emailpass", credentials(email, "mine")); identity.ReasonOf(err) != "identity_exists" {
			t.Errorf("%s by the newer dialect: %v", email, err)
		}
	}
	if c := s.mustSignIn("user", "staff@example.com", "theirs"); c.ActorID == "" {
		t.Error("the user cannot move over")
	}
}

// Nothing is half-made: what failed can be repeated and gives one customer.
func TestSignUpWithoutTheOthers(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	backend.down = identity.Unavailable("backend_down", errors.New("refused"))
	if _, _, err := s.signUp("jane@example.com", "Passw0rd!"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("the backend is down: %v", err)
	}
	backend.down = nil
	if _, err := s.store.Find(t.Context(), "emailpass", "jane@example.com"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("there is an identity without a customer: %v", err)
	}
	s.store.fails(errDown, "Create")
	if _, _, err := s.signUp("jane@example.com", "Passw0rd!"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("the store is down: %v", err)
	}
	s.store.fails(nil)
	c, _, err := s.signUp("jane@example.com", "Passw0rd!")
	if err != nil || c.ActorID != "cus_1" || len(backend.accounts) != 1 {
		t.Errorf("repeated: %+v, %v, %d accounts", c, err, len(backend.accounts))
	}
	backend.down = identity.Unavailable("backend_down", errors.New("refused"))
	if _, _, err := s.Account(t.Context(), c); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("account: %v", err)
	}
	if _, err := s.signIn("customer", "jane@example.com", "Passw0rd!"); err != nil {
		t.Errorf("the login needs no backend: %v", err)
	}
}

func TestSignUpAtOnce(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	var group sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for range 8 {
		group.Go(func() {
			_, _, err := s.signUp("jane@example.com", "Passw0rd!")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case identity.ReasonOf(err) != "identity_exists":
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made != 1 || len(backend.accounts) != 1 {
		t.Errorf("%d customers, %d accounts", made, len(backend.accounts))
	}
}
