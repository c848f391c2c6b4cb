package identity_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// who is the outcome of a log-in: the backend's id of the identity, "-" for a
// wrong password.
func (b *behind) who(address, password string) string {
	b.t.Helper()
	login, err := b.Authenticate(b.t.Context(), "customer", "emailpass", identity.Input{Body: map[string]any{"email": address, "password": password}})
	if identity.CodeOf(err) == identity.CodeUnauthorized {
		return "-"
	}
	if err != nil {
		b.t.Errorf("logging in: %v", err)
		return "?"
	}
	i, err := b.Store.Identity(b.t.Context(), login.Claims.IdentityID)
	if err != nil {
		b.t.Errorf("reading the identity: %v", err)
		return "?"
	}
	return i.BackendID
}

// reset asks for a new password and sets it with the token that was sent to that
// very address, else with any. It returns where tokens were sent.
func (b *behind) reset(address, password string) (to []string) {
	b.t.Helper()
	before, tokens := b.medusa.Tokens(), map[string]string{}
	b.pass("customer", address)
	for token, sent := range b.medusa.Tokens() {
		if before[token] != "" {
			continue
		}
		to = append(to, sent)
		tokens[sent] = token
	}
	for sent, token := range tokens {
		if sent != address && tokens[address] != "" {
			continue
		}
		err := b.Update(b.t.Context(), "customer", "emailpass", token, identity.Input{Body: map[string]any{"password": password}})
		if err != nil {
			b.t.Fatalf("with the token for %s: %v", sent, err)
		}
	}
	return to
}

// The backend tells spellings of an address apart, the sidecar does not. Whoever
// has an account there gets into it with its spelling and its password, or by a
// mail to it, and nobody else does, whatever was registered before and after.
func TestSpellings(t *testing.T) {
	t.Parallel()
	const lower, mixed, upper = "alice@example.com", "Alice@example.com", "ALICE@example.com"
	for _, test := range []struct {
		name     string
		has      []string // accounts of the backend, with the password `of <address>`
		moved    []string // those that log in before anything else
		register string   // by somebody else, with the password `one`
		taken    bool     // the registration is refused
		strange  []string // spellings with which nobody gets in but who registered
	}{
		{name: "the same", has: []string{lower}, register: lower, taken: true},
		{name: "the same, moved", has: []string{lower}, moved: []string{lower}, register: lower, taken: true},
		{name: "another of the usual", has: []string{lower}, register: upper, taken: true},
		{name: "another of the usual, moved", has: []string{lower}, moved: []string{lower}, register: upper, taken: true},
		{name: "the usual of another", has: []string{mixed}, register: lower, strange: []string{lower, upper}},
		{name: "the usual of another, moved", has: []string{mixed}, moved: []string{mixed}, register: lower, strange: []string{lower, upper}},
		{name: "another of another", has: []string{mixed}, register: upper, strange: []string{lower, upper}},
		{name: "another of another, moved", has: []string{mixed}, moved: []string{mixed}, register: upper, strange: []string{lower, upper}},
		{name: "the same of another", has: []string{mixed}, register: mixed, strange: []string{lower, upper}},
		{name: "the same of another, moved", has: []string{mixed}, moved: []string{mixed}, register: mixed, taken: true},
		{name: "two of three", has: []string{lower, mixed}, register: upper, taken: true},
		{name: "two of three, one moved", has: []string{lower, mixed}, moved: []string{mixed}, register: upper, taken: true},
		{name: "two of three, moved", has: []string{lower, mixed}, moved: []string{lower, mixed}, register: upper, taken: true},
		{name: "two odd ones", has: []string{mixed, upper}, moved: []string{upper}, register: lower, strange: []string{lower}},
		{name: "nobody registers", has: []string{lower, mixed, upper}},
	} {
		for _, byMail := range []bool{false, true} {
			t.Run(test.name+map[bool]string{false: ", password", true: ", mail"}[byMail], func(t *testing.T) {
				t.Parallel()
				b := newBehind(t, true)
				ids := map[string]string{}
				for n, address := range test.has {
					ids[address] = b.medusa.Account(address, "of "+address, "cus_"+string(rune('a'+n)))
				}
				for _, address := range test.moved {
					if got := b.who(address, "of "+address); got != ids[address] {
						t.Fatalf("%s moved over as %s, want %s", address, got, ids[address])
					}
				}
				registered := "-"
				if test.register != "" {
					c, err := b.Register(t.Context(), "customer", "emailpass", identity.Input{Body: map[string]any{"email": test.register, "password": "one"}})
					if taken := identity.CodeOf(err) == identity.CodeUnauthorized; taken != test.taken || err != nil && !taken {
						t.Fatalf("registering %s: %v", test.register, err)
					}
					if err == nil {
						registered = c.IdentityID
					}
				}
				password := func(address string) string { return "of " + address }
				if byMail {
					for _, address := range test.has {
						if to := b.reset(address, "new "+address); !slices.Contains(to, address) {
							t.Errorf("mails for %s went to %q", address, to)
						}
						if got := b.who(address, "of "+address); got != "-" {
							t.Errorf("%s gets in with the old password", address)
						}
					}
					password = func(address string) string { return "new " + address }
				}
				for _, address := range test.has {
					for range 2 {
						if got := b.who(address, password(address)); got != ids[address] {
							t.Errorf("%s is %s, want %s", address, got, ids[address])
						}
					}
					if got := b.who(address, "one"); got != "-" && got != registered {
						t.Errorf("%s is open to who registered: %s", address, got)
					}
				}
				for _, address := range test.strange {
					if got := b.who(address, "one"); got != registered && !byMail {
						t.Errorf("%s is %s, want %s, who registered", address, got, registered)
					}
					for _, owner := range test.has {
						if got := b.who(address, password(owner)); got != "-" && got != ids[owner] {
							t.Errorf("%s with the password of %s is %s", address, owner, got)
						}
					}
				}
			})
		}
	}
}

// What was registered in any spelling is one account, with one shadow, and its
// reset goes to that.
func TestSpellingsOfARegistration(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	c := b.register("customer", " Jane@Example.com")
	for _, address := range []string{"jane@example.com", "JANE@example.com", " Jane@Example.com"} {
		if got := b.who(address, "one"); got != c.IdentityID {
			t.Errorf("%q is %s, want %s", address, got, c.IdentityID)
		}
	}
	if addresses := b.medusa.Addresses(); len(addresses) != 1 || addresses[0] != "jane@example.com" {
		t.Errorf("shadows %q", addresses)
	}
	if to := b.reset("JANE@example.com", "two"); len(to) != 1 || to[0] != "jane@example.com" {
		t.Errorf("mails went to %q", to)
	}
	if got := b.who("Jane@example.com", "two"); got != c.IdentityID {
		t.Errorf("logged in as %s, want %s", got, c.IdentityID)
	}
}

// A password that no longer opens an identity here does not open it by way of
// the backend, which may know an older one, and under another address.
func TestOldPasswordOfAnotherAddress(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("jane@example.com", "hers", "cus_jane")
	if got := b.who("jane@example.com", "hers"); got != id {
		t.Fatalf("moved over as %s", got)
	}
	b.medusa.Rename("jane@example.com", "married@example.com")
	if got := b.who("married@example.com", "hers"); got != "-" {
		t.Errorf("moved over again as %s", got)
	}
}

// With a shadow of an address that exists nowhere, an account of the backend may
// be shadowed by whoever registers its address. Its owner gets it by a mail.
func TestOwnerTakesTheAccountOverFromARandomShadow(t *testing.T) {
	t.Parallel()
	b := newBehind(t, false)
	id := b.medusa.Account("jane@example.com", "hers", "cus_jane")
	squatter := b.register("customer", "JANE@example.com")
	if to := b.reset("jane@example.com", "two"); len(to) != 1 {
		t.Fatalf("mails went to %q", to)
	}
	if got := b.who("jane@example.com", "two"); got != id {
		t.Errorf("logged in as %s, want %s", got, id)
	}
	if got := b.who("jane@example.com", "one"); got != "-" {
		t.Errorf("the squatter logs in as %s", got)
	}
	if _, err := b.Refresh(t.Context(), squatter); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("the squatter is still in: %v", err)
	}
}

// The backend does not answer for the one spelling: whether the password is
// wrong is unknown, but only where it could be right.
func TestSpellingsWithoutTheBackend(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.register("customer", "jane@example.com")
	b.medusa.Fault("", identitytest.MedusaFails)
	for address, want := range map[string]identity.Code{"jane@example.com": identity.CodeUnauthorized, "Jane@example.com": identity.CodeUnavailable} {
		_, err := b.Authenticate(t.Context(), "customer", "emailpass", identity.Input{Body: map[string]any{"email": address, "password": "wrong"}})
		if identity.CodeOf(err) != want || errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %v", address, err)
		}
		if got := b.who(address, "one"); strings.HasPrefix(got, "-") {
			t.Errorf("%s does not log in", address)
		}
	}
}
