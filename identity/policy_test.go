package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// (reference medusa-v2, section 1; attacks.md E4)
func TestGuard(t *testing.T) {
	t.Parallel()
	open := newRealm(t, nil)
	closed := newRealm(t, func(c *identity.Config) {
		c.Actors = map[string][]string{"user": {"google"}, "customer": {"emailpass", "google"}, "nobody": {}}
	})
	for _, test := range []struct {
		realm               *realm
		actorType, provider string
		allowed             bool
	}{
		{open, "customer", "emailpass", true},
		{open, "customer", "google", true},
		{open, "customer", "nope", true}, // the provider is unknown, not forbidden
		{open, "user", "emailpass", true},
		{open, "user", "google", false},
		{open, "user", "nope", false},
		{open, "User", "google", true},
		{open, "robot", "github", true},
		{closed, "customer", "emailpass", true},
		{closed, "customer", "google", true},
		{closed, "customer", "github", false},
		{closed, "customer", "nope", false},
		{closed, "user", "google", true},
		{closed, "user", "emailpass", false},
		{closed, "nobody", "emailpass", false},
		{closed, "robot", "emailpass", false},
		{closed, "Customer", "emailpass", false},
	} {
		err := test.realm.Guard(test.actorType, test.provider)
		want := "ok"
		if !test.allowed {
			want = fmt.Sprintf("not_allowed: The actor type %s is not allowed to use the auth provider %s", test.actorType, test.provider)
		}
		wantAnswer(t, err, want)
	}
}

// Everything that takes an actor type asks the policy first, and the store never.
func TestPolicyComesFirst(t *testing.T) {
	t.Parallel()
	r := newRealm(t, func(c *identity.Config) { c.Actors = map[string][]string{"customer": {"emailpass"}} })
	for _, actorType := range []string{"user", "robot", "__proto__", "", "a b"} {
		for name, do := range map[string]func() error{
			"register": func() error {
				_, err := r.Register(t.Context(), actorType, "emailpass", credentials("a", "b"))
				return err
			},
			"authenticate": func() error {
				_, err := r.Authenticate(t.Context(), actorType, "emailpass", credentials("a", "b"))
				return err
			},
			"callback": func() error {
				_, err := r.Callback(t.Context(), actorType, "emailpass", identity.Input{})
				return err
			},
			"request reset": func() error { return r.RequestReset(t.Context(), actorType, "emailpass", "a", nil) },
			"update":        func() error { return r.Update(t.Context(), actorType, "emailpass", "token", credentials("a", "b")) },
		} {
			if err := do(); identity.CodeOf(err) != identity.CodeNotAllowed {
				t.Errorf("%s as %q: %v", name, actorType, err)
			}
		}
	}
	if calls := r.store.called(); len(calls)+len(r.queue.requests) > 0 {
		t.Errorf("asked: %v", calls)
	}
}

func TestActorTypes(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	for _, good := range []string{"a", "customer", "Customer", "b2b-buyer", "sales_rep", "007", "-", "_", strings.Repeat("a", 64)} {
		if err := r.Guard(good, "emailpass"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", strings.Repeat("a", 65), "a b", "a\n", "a.b", "a/b", "a:b", "{a}", "a\x00", "käufer", "a@b", "[", "`", "a\xff", "\u212a", "a,b", `a"b`, "a=b",
	} {
		if err := r.Guard(bad, "emailpass"); identity.CodeOf(err) != identity.CodeNotAllowed {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// (reference medusa-v2, section 1)
func TestProviders(t *testing.T) {
	t.Parallel()
	open := newRealm(t, nil)
	closed := newRealm(t, func(c *identity.Config) {
		c.Actors = map[string][]string{"customer": {"emailpass", "github"}, "none": {}}
	})
	const (
		emailpass = `{"id":"emailpass","identifier":"emailpass","display_name":"Email/Password Authentication","flow":"credentials"}`
		google    = `{"id":"google","identifier":"google","display_name":"Third Party Authentication","flow":"redirect"}`
		github    = `{"id":"github","identifier":"github","display_name":"Third Party Authentication","flow":"redirect"}`
	)
	for _, test := range []struct {
		realm     *realm
		actorType string
		want      []string
	}{
		{open, "customer", []string{github, google, emailpass}},
		{open, "user", []string{emailpass}},
		{open, "a b", nil},
		{closed, "customer", []string{github, emailpass}},
		{closed, "user", nil},
		{closed, "none", nil},
	} {
		want := "[" + strings.Join(test.want, ",") + "]"
		if got := encode(t, test.realm.Providers(test.actorType)); got != want {
			t.Errorf("%q: %s, want %s", test.actorType, got, want)
		}
	}
}

// A name that a client made up is in no log, however well it is formed.
func TestKnown(t *testing.T) {
	t.Parallel()
	open := newRealm(t, nil)
	listed := newRealm(t, func(c *identity.Config) {
		c.Actors = map[string][]string{"vendor": {"emailpass"}, "customer": {"emailpass"}}
	})
	for _, test := range []struct {
		realm               *realm
		actorType, provider string
		known               string
	}{
		{open, "customer", "emailpass", "customer emailpass"}, {open, "user", "google", "user google"},
		{open, "vendor", "github", " github"}, {open, "Customer", "Google", " "}, {open, "", "", " "},
		{open, "x\nlevel=error", "x", " "}, {open, "google", "customer", " "},
		{listed, "vendor", "google", "vendor google"}, {listed, "customer", "x", "customer "}, {listed, "user", "emailpass", " emailpass"},
	} {
		actorType, provider := test.realm.Known(test.actorType, test.provider)
		if got := actorType + " " + provider; got != test.known {
			t.Errorf("%q, %q: got %q, want %q", test.actorType, test.provider, got, test.known)
		}
	}
}
