package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	old := r.register(t, "Ann@example.com", "secret")
	victim := r.register(t, "victim@example.com", "secret")
	token := issue(t, r, ask(t, r, "ann@example.com"))
	r.forward(time.Minute)
	// What the body says about whose password it is counts for nothing. (attacks.md G2)
	in := credentials("victim@example.com", "changed")
	in.Body["entity_id"], in.Body["provider"], in.Body["actor_type"], in.ActorType = "victim@example.com", "google", "user", "user"
	wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, in), "ok")

	i := r.identity(t, old.IdentityID)
	own := i.Providers["emailpass"]
	if own.Credential.Reveal() != "changed" || own.EntityID != "Ann@example.com" || own.Key != "ann@example.com" || !own.UpdatedAt.Equal(start.Add(time.Minute)) {
		t.Errorf("stored %+v", own)
	}
	// Everything issued until now ends, the second that is running included. (attacks.md F2)
	if want := start.Add(time.Minute + time.Second).Truncate(time.Second); !i.ValidFrom.Equal(want) {
		t.Errorf("valid from %s, want %s", i.ValidFrom, want)
	}
	if told := r.told(); !slices.Equal(told, []string{old.IdentityID}) {
		t.Errorf("told that %q ended", told)
	}
	for password, want := range map[string]string{"secret": "unauthorized: Invalid email or password", "changed": "ok"} {
		_, err := r.login(t, "ann@example.com", password)
		wantAnswer(t, err, want)
	}
	if i := r.identity(t, victim.IdentityID); i.Providers["emailpass"].Credential.Reveal() != "secret" || !i.ValidFrom.IsZero() {
		t.Error("somebody else was changed")
	}
	wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, in), invalidToken)
}

// (reference medusa-v2, section 9; attacks.md E1, E3, G1)
func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	claims := r.register(t, "ann@example.com", "secret")
	r.register(t, "other@example.com", "secret")
	good := issue(t, r, ask(t, r, "ann@example.com"))
	access, err := r.tokens.Access(claims)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.tokens.ParseReset(good)
	if err != nil {
		t.Fatal(err)
	}
	mint := func(change func(*identity.ResetClaims)) string {
		forged := *c
		change(&forged)
		token, err := r.tokens.Reset(forged)
		if err != nil {
			t.Fatal(err)
		}
		return token.Reveal()
	}
	const jti = "8c3a1d0e-0000-4000-8000-000000000000"
	for _, test := range []struct {
		name, actorType, provider, token, want string
	}{
		{"no token", "customer", "emailpass", "", invalidToken},
		{"garbage", "customer", "emailpass", "a.b.c", invalidToken},
		{"access token", "customer", "emailpass", access, invalidToken},
		{"signed otherwise", "customer", "emailpass", good[:len(good)-2] + "AA", invalidToken},
		{"other actor type", "user", "emailpass", good, invalidToken},
		{"other provider", "customer", "google", good, invalidToken},
		{"provider not allowed", "user", "google", good, "not_allowed: The actor type user is not allowed to use the auth provider google"},
		{"for a provider without passwords", "customer", "google", mint(func(c *identity.ResetClaims) { c.Provider = "google" }), invalidToken},
		{"for an unknown provider", "customer", "emailpass", mint(func(c *identity.ResetClaims) { c.Provider = "nope" }), invalidToken},
		{"other jti", "customer", "emailpass", mint(func(c *identity.ResetClaims) { c.ID = jti }), invalidToken},
		{"other entity", "customer", "emailpass", mint(func(c *identity.ResetClaims) { c.EntityID = "other@example.com" }), invalidToken},
		{"other case of the entity", "customer", "emailpass", mint(func(c *identity.ResetClaims) { c.EntityID = "Ann@example.com" }), invalidToken},
		{"unknown entity", "customer", "emailpass", mint(func(c *identity.ResetClaims) { c.EntityID = "bob@example.com" }), invalidToken},
		{"impossible entity", "customer", "emailpass", mint(func(c *identity.ResetClaims) { c.EntityID = "a b" }), invalidToken},
		{"expired", "customer", "emailpass", mint(func(c *identity.ResetClaims) { c.ExpiresAt = start.Unix() }), invalidToken},
	} {
		err := r.Update(t.Context(), test.actorType, test.provider, test.token, credentials("", "changed"))
		if got := answer(err); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	if r.passwords.made != 0 || len(r.told()) != 0 {
		t.Errorf("%d credentials made, told of %q", r.passwords.made, r.told())
	}
	if _, err := r.tokens.ParseAccess(good); err == nil {
		t.Error("a reset token is an access token")
	}
	// None of it used the real one up.
	wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", good, credentials("", "changed")), "ok")
}

// The time runs from the request, in the store as in the token.
func TestUpdateTooLate(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "ann@example.com", "secret")
	token := issue(t, r, ask(t, r, "ann@example.com"))
	r.forward(15 * time.Minute)
	wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, credentials("", "changed")), invalidToken)
}

// A reset is for the address to which it was sent.
func TestUpdateAfterTheAddressChanged(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	token := issue(t, r, ask(t, r, "ann@example.com"))
	own := r.identity(t, id).Providers["emailpass"]
	next := own
	next.EntityID = "ANN@example.com"
	if err := r.store.Store.ReplaceCredential(t.Context(), id, own, next); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, credentials("", "changed")), invalidToken)
	if got := r.identity(t, id).Providers["emailpass"].Credential.Reveal(); got != "secret" {
		t.Errorf("the password is %q", got)
	}
}

// A body without a usable password burns the token; one with a password that
// cannot be taken leaves it for another attempt. (reference medusa-v2, section 9)
func TestUpdateBodies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		password any
		want     string
		burns    bool
	}{
		{"none", nil, "unauthorized: Unauthorized", true},
		{"empty", "", "unauthorized: Unauthorized", true},
		{"a number", 5.0, "unauthorized: Unauthorized", true},
		{"an array", []any{"changed"}, "unauthorized: Unauthorized", true},
		{"an object", map[string]any{"a": "b"}, "unauthorized: Unauthorized", true},
		{"too long", strings.Repeat("a", 21), "invalid_data: Password should be at most 20 bytes long", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			id := r.register(t, "ann@example.com", "secret").IdentityID
			request := ask(t, r, "ann@example.com")
			token := issue(t, r, request)
			in := identity.Input{Body: map[string]any{"password": test.password}}
			wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, in), test.want)
			if i := r.identity(t, id); !i.ValidFrom.IsZero() || i.Providers["emailpass"].Credential.Reveal() != "secret" || len(r.told()) > 0 {
				t.Errorf("changed: %+v", i)
			}
			want := "ok"
			if test.burns {
				want = invalidToken
				if issue(t, r, request) != "" {
					t.Error("the token was revived")
				}
			}
			wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, credentials("", "changed")), want)
		})
	}
}

// A full queue of hashes, or anything else in the way, leaves the token.
func TestUpdateCannotMakeCredential(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "ann@example.com", "secret")
	token := issue(t, r, ask(t, r, "ann@example.com"))
	r.passwords.makeErr = identity.Unavailable("hash_queue_full", errors.New("queue of password hashes is full"))
	err := r.Update(t.Context(), "customer", "emailpass", token, credentials("", "changed"))
	wantAnswer(t, err, unavailable)
	r.passwords.makeErr = nil
	wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, credentials("", "changed")), "ok")
}

// Of many at once one succeeds, and it is its password that counts. A used
// token costs no more hashing. (attacks.md G1)
func TestUpdateInParallel(t *testing.T) {
	t.Parallel()
	const callers = 50
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	token := issue(t, r, ask(t, r, "ann@example.com"))
	errs := make([]error, callers)
	begin := make(chan struct{})
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			<-begin
			errs[n] = r.Update(t.Context(), "customer", "emailpass", token, credentials("", fmt.Sprint("changed", n)))
		})
	}
	close(begin)
	group.Wait()
	winner := -1
	for n, err := range errs {
		if err != nil {
			wantAnswer(t, err, invalidToken)
			continue
		}
		if winner >= 0 {
			t.Errorf("%d and %d succeeded", winner, n)
		}
		winner = n
	}
	if got := r.identity(t, id).Providers["emailpass"].Credential.Reveal(); got != fmt.Sprint("changed", winner) {
		t.Errorf("%d succeeded, the password is %q", winner, got)
	}
	if told := r.told(); !slices.Equal(told, []string{id}) {
		t.Errorf("told of %q", told)
	}
	made := r.passwords.made
	for range 3 {
		wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, credentials("", "again")), invalidToken)
	}
	if r.passwords.made != made {
		t.Error("a used token was hashed for")
	}
}
