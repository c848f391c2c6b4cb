package identity_test

import (
	"context"
	"errors"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// person is somebody whose request proves that identity, or the error.
func person(id string, err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return id, err }
}

// link lets the person with that id, who began to link an account, come back.
func (r *realm) link(t testing.TB, id, provider, code string) (identity.Claims, error) {
	t.Helper()
	in := back(r.begin(t, provider, identity.Input{LinkTo: id}), code)
	in.Person = person(id, nil)
	l, err := r.Callback(t.Context(), "customer", provider, in)
	return l.Claims, err
}

const otherPerson = "unauthorized: Log in again to link an account"

func TestLinkProvider(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	if err := r.Link(t.Context(), id, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the same again is fine
		c, err := r.link(t, id, "google", "ann")
		if err != nil || c.IdentityID != id || c.ActorID != "cus_1" || c.Provider != "google" || string(c.UserMetadata) != `{"name":"<Ann>","email":"ann@example.com"}` {
			t.Errorf("%s, %v", encode(t, c), err)
		}
	}
	if c, err := r.come(t, "google", "ann"); err != nil || c.IdentityID != id || c.ActorID != "cus_1" {
		t.Errorf("%s, %v", encode(t, c), err)
	}
	if c, err := r.login(t, "ann@example.com", "secret"); err != nil || c.IdentityID != id {
		t.Errorf("%s, %v", encode(t, c), err)
	}
	if len(r.told()) != 0 {
		t.Error("credentials ended")
	}

	_, err := r.link(t, id, "google", "anna")
	wantRefused(t, err, "not_allowed: Another google account is linked already", "provider_linked")
	bob := r.register(t, "bob@example.com", "secret").IdentityID
	_, err = r.link(t, bob, "google", "ann")
	wantRefused(t, err, takenByAnother, "provider_taken")
	if i := r.identity(t, bob); len(i.Providers) != 1 {
		t.Errorf("%+v", i)
	}
	if c, err := r.link(t, bob, "github", "ann"); err != nil || c.IdentityID != bob {
		t.Errorf("%s, %v", encode(t, c), err)
	}
}

// Whoever comes back must be the one who wanted to link, or the account of a
// victim who follows a link would become one of the attacker's: the third party
// is not even asked. (attacks.md D3, D11)
func TestLinkByAnotherPerson(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	other := r.register(t, "bob@example.com", "secret").IdentityID
	unauthorized := &identity.Error{Code: identity.CodeUnauthorized, Reason: "credential_missing"}
	for name, who := range map[string]func(context.Context) (string, error){
		"another person":  person(other, nil),
		"nobody":          person("", unauthorized),
		"nobody, no word": person("", nil),
		"not judged":      person(id, &identity.Error{Code: identity.CodeForbidden, Reason: "cross_origin"}),
		"no credentials":  nil,
	} {
		state := r.begin(t, "google", identity.Input{LinkTo: id})
		in := back(state, "victim")
		in.Person = who
		_, err := r.Callback(t.Context(), "customer", "google", in)
		wantRefused(t, err, otherPerson, "link_other_person")
		in.Person = person(id, nil)
		_, err = r.Callback(t.Context(), "customer", "google", in)
		wantRefused(t, err, noState, "state_unknown") // used up
		if len(r.google.exchanged) != 0 || len(r.identity(t, id).Providers) != 1 {
			t.Errorf("%s: linked, or the third party was asked", name)
		}
	}
}

// The person of a callback is asked for where it counts alone.
func TestPersonIsAskedForLinksAlone(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	in := back(r.begin(t, "google", identity.Input{}), "ann")
	in.Person = func(context.Context) (string, error) {
		t.Error("asked")
		return "", errDown
	}
	if _, err := r.Callback(t.Context(), "customer", "google", in); err != nil {
		t.Error(err)
	}
}

// What went wrong while somebody was judged is no word against them.
func TestLinkWhenNobodyCanBeJudged(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	in := back(r.begin(t, "google", identity.Input{LinkTo: id}), "ann")
	in.Person = person("", errors.New("broken"))
	if _, err := r.Callback(t.Context(), "customer", "google", in); identity.CodeOf(err) != identity.CodeInternal {
		t.Errorf("got %v", err)
	}
	if len(r.identity(t, id).Providers) != 1 {
		t.Error("linked")
	}
}

func TestLinkWhileDown(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"person", "AddProvider", "Identity"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			id := r.register(t, "ann@example.com", "secret").IdentityID
			in := back(r.begin(t, "google", identity.Input{LinkTo: id}), "ann")
			in.Person = person(id, nil)
			if what == "person" {
				in.Person = person("", errDown)
			}
			r.store.fails(errDown, what)
			_, err := r.Callback(t.Context(), "customer", "google", in)
			wantRefused(t, err, unavailable, "store_refused")
			r.store.fails(nil)
			in.Person = person(id, nil)
			if l, err := r.Callback(t.Context(), "customer", "google", in); err != nil || l.Claims.IdentityID != id {
				t.Errorf("%+v, %v", l, err)
			}
		})
	}
}

func TestLinkToNobody(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	_, err := r.link(t, "authid_gone", "google", "ann")
	wantRefused(t, err, "unauthorized", "identity_gone")
	_, err = r.Authenticate(t.Context(), "customer", "emailpass", identity.Input{LinkTo: "authid_1"})
	wantRefused(t, err, "invalid_data: emailpass accounts cannot be linked", "link_unsupported")
}
