package emailpass_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// badFields are bodies that register and login refuse alike, the password
// first. (reference medusa-v2, section 3; attacks.md G9)
var badFields = map[string]struct {
	email, password any
	want            string
}{
	"no password":         {"ann@example.com", nil, noPassword},
	"empty password":      {"ann@example.com", "", noPassword},
	"password a number":   {"ann@example.com", 5.0, noPassword},
	"password an array":   {"ann@example.com", []any{"secret"}, noPassword},
	"password an object":  {"ann@example.com", map[string]any{"a": "b"}, noPassword},
	"password true":       {"ann@example.com", true, noPassword},
	"neither":             {nil, nil, noPassword},
	"no e-mail":           {nil, "secret", noEmail},
	"empty e-mail":        {"", "secret", noEmail},
	"e-mail a number":     {5.0, "secret", noEmail},
	"e-mail an array":     {[]any{"ann@example.com"}, "secret", noEmail},
	"e-mail an object":    {map[string]any{}, "secret", noEmail},
	"bad e-mail, bad too": {5.0, 5.0, noPassword},
}

func TestRegisterFields(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for name, test := range badFields {
		t.Run(name, func(t *testing.T) {
			_, err := s.register(t, test.email, test.password)
			wantAnswer(t, err, test.want)
		})
	}
	_, err := s.Register(t.Context(), "customer", "emailpass", identity.Input{})
	wantAnswer(t, err, noPassword)
	if n := s.hasher.work() + s.store.calls; n != 0 {
		t.Errorf("%d hashes and questions to the store", n)
	}
}

// badPasswords are those that nobody can have. (attacks.md G6)
var badPasswords = map[string]struct{ password, register string }{
	"1025 bytes":    {strings.Repeat("a", 1025), tooLong},
	"1 MB":          {strings.Repeat("a", 1<<20), tooLong},
	"NUL inside":    {"sec\x00ret", withNUL},
	"NUL alone":     {"\x00", withNUL},
	"not UTF-8":     {"sec\xffret", notUTF8},
	"half a letter": {"secret\xc3", notUTF8},
}

func TestRegisterPasswords(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for name, test := range badPasswords {
		t.Run(name, func(t *testing.T) {
			_, err := s.register(t, "ann@example.com", test.password)
			wantAnswer(t, err, test.register)
		})
	}
	if n := s.hasher.work() + s.store.calls; n != 0 {
		t.Errorf("%d hashes and questions to the store", n)
	}
	for n, good := range []string{"a", " ", " secret ", strings.Repeat("a", 72), strings.Repeat("a", 73), strings.Repeat("a", 1024), "pässwörd😀"} {
		email := fmt.Sprintf("ann%d@example.com", n)
		id := s.mustRegister(t, email, good)
		if got := s.stored(t, id).Credential.Reveal(); got != "new:"+good {
			t.Errorf("password %q was hashed as %q", good, got)
		}
		if _, err := s.login(t, email, strings.TrimSuffix(good, good[len(good)-1:])+"x"); err == nil {
			t.Errorf("password %.20q: the end does not count", good)
		}
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.mustRegister(t, " Ann@Example.com ", "secret")
	own := s.stored(t, id)
	if own.EntityID != "Ann@Example.com" || own.Key != "ann@example.com" || own.Provider != "emailpass" || own.UpdatedAt.IsZero() {
		t.Errorf("stored %+v", own)
	}
	if s.hasher.work() != 1 {
		t.Errorf("%d hashes", s.hasher.work())
	}
	for _, bad := range []string{"not-an-email", "a@evil@shop.example", "Ann <ann@example.com>", strings.Repeat("a", 321) + "@x", "a\x00@x"} {
		_, err := s.register(t, bad, "secret")
		wantAnswer(t, err, invalid)
		if e, ok := errors.AsType[*identity.Error](err); !ok || strings.Contains(err.Error(), bad) || e.Reason != "email_invalid" {
			t.Errorf("%.20q: the error is %v", bad, err)
		}
	}
}

// What else a body says is ignored. (attacks.md A7)
func TestRegisterTakesNoClaims(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := input("ann@example.com", "secret")
	for _, member := range []string{
		"actor_id", "actor_type", "app_metadata", "user_metadata", "auth_identity_id", "roles", "customer_id", "__proto__",
		"id", "ID", "Provider", "entity_id", "key", "credential", "valid_from",
	} {
		in.Body[member] = map[string]any{"customer_id": "cus_evil", "user_id": "user_evil", "email": "evil@example.com"}
	}
	in.ActorType = "user"
	in.Query = map[string]string{"email": "evil@example.com", "password": "evil"}
	c, err := s.Register(t.Context(), "customer", "emailpass", in)
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Authenticate(t.Context(), "customer", "emailpass", in)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []identity.Claims{c, l.Claims} {
		if c.ActorID != "" || c.ActorType != "customer" || len(c.AppMetadata) > 0 || string(c.UserMetadata) != "{}" || c.Provider != "emailpass" {
			t.Errorf("claims %+v", c)
		}
	}
	if own := s.stored(t, c.IdentityID); own.EntityID != "ann@example.com" || len(own.UserMetadata) > 0 {
		t.Errorf("stored %+v", own)
	}
}

// (reference medusa-v2, section 3; attacks.md G10)
func TestRegisterAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.mustRegister(t, "ann@example.com", "secret")
	for _, email := range []string{"ann@example.com", "ANN@Example.com", " ann@example.com\t", "ann@\uff45xample.com"} {
		again, err := s.register(t, email, "secret")
		if err != nil || again != id {
			t.Errorf("%+q with the same password: identity %q, error %v", email, again, err)
		}
		_, err = s.register(t, email, "other")
		wantAnswer(t, err, exists)
	}
	if err := s.Link(t.Context(), id, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	for _, actorType := range []string{"customer", "user"} {
		for _, password := range []string{"secret", "other"} {
			before := s.hasher.work()
			_, err := s.Register(t.Context(), actorType, "emailpass", input("ann@example.com", password))
			wantAnswer(t, err, exists)
			if n := s.hasher.work() - before; n != 1 {
				t.Errorf("%d hashes for an address that is taken", n)
			}
		}
	}
	if own := s.stored(t, id); own.Credential.Reveal() != "new:secret" {
		t.Error("the credential changed")
	}
}

// Other addresses are other accounts.
func TestRegisterNeighbours(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	seen := map[string]string{}
	for _, email := range []string{"ann@example.com", "ann+shop@example.com", "a.nn@example.com", "ann@example.co", "ann@example.com.example", "änn@example.com"} {
		id := s.mustRegister(t, email, "secret")
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q are one account", email, other)
		}
		seen[id] = email
	}
}

// Many at once make one identity, and all that know the password get it.
func TestRegisterInParallel(t *testing.T) {
	t.Parallel()
	const callers = 100
	for _, test := range []struct {
		name     string
		password func(n int) string
	}{
		{"one password", func(int) string { return "secret" }},
		{"a password each", func(n int) string { return fmt.Sprint("secret", n) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			spellings := []string{"ann@example.com", "Ann@example.com", " ANN@EXAMPLE.COM "}
			ids, errs := make([]string, callers), make([]error, callers)
			start := make(chan struct{})
			var group sync.WaitGroup
			for n := range callers {
				group.Go(func() {
					<-start
					ids[n], errs[n] = s.register(t, spellings[n%len(spellings)], test.password(n))
				})
			}
			close(start)
			group.Wait()
			one, winners := "", 0
			for n := range callers {
				if errs[n] != nil {
					wantAnswer(t, errs[n], exists)
					continue
				}
				winners++
				if one == "" {
					one = ids[n]
				}
				if ids[n] != one {
					t.Errorf("two identities: %s and %s", one, ids[n])
				}
			}
			if test.password(0) == test.password(1) && winners != callers || test.password(0) != test.password(1) && winners != 1 {
				t.Errorf("%d of %d registered", winners, callers)
			}
			i, err := s.store.Store.Find(t.Context(), "emailpass", "ann@example.com")
			if err != nil || i.ID != one {
				t.Errorf("found %v, %v, want %s", i, err, one)
			}
		})
	}
}

// Somebody registers the address between the look and the creation.
func TestRegisterLosesTheRace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		then error // of the second look
		want string
	}{
		{"and the identity stays", nil, "ok"},
		{"and the identity is gone again", identity.ErrNotFound, unavailable},
		{"and the store goes away", identity.Unavailable("store_refused", nil), unavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			var finds int
			s.store.fail = func(method string) error {
				switch {
				case method == "Find":
					if finds++; finds > 1 {
						return test.then
					}
				case method == "Create":
					s.importIdentity(t, "authid_quicker", "ann@example.com", "new:secret")
				}
				return nil
			}
			id, err := s.register(t, "Ann@example.com", "secret")
			wantAnswer(t, err, test.want)
			if err == nil && id != "authid_quicker" {
				t.Errorf("identity %s", id)
			}
		})
	}
}
