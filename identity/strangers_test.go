package identity_test

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// anywhere sends the browser back to wherever it wants.
type anywhere struct{ *redirecting }

func (anywhere) CallbackURL(asked string) (string, error) { return asked, nil }

// What a client chooses is bounded before it is kept.
func TestWhatAnAttemptKeeps(t *testing.T) {
	t.Parallel()
	r := newRealm(t, func(c *identity.Config) {
		c.Providers = []identity.NamedProvider{{ID: "google", Provider: anywhere{new(redirecting)}}}
	})
	longest := func(n int) string { return "https://shop.example/" + strings.Repeat("a", n-21) }
	in := func(host, callback int) identity.Input {
		return identity.Input{
			Host: strings.Repeat(`"`, host), Body: map[string]any{"callback_url": longest(callback)},
			Browser: identity.Browser{ID: strings.Repeat("b", 5000), Returned: true},
		}
	}
	state := r.begin(t, "google", in(261, 2048))
	sum := sha256.Sum256([]byte(state))
	a, err := r.store.TakeAttempt(t.Context(), hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Host) != 64 || len(a.Browser) != 64 || a.CallbackURL != longest(2048) {
		t.Errorf("kept %+v", a)
	}
	for _, field := range reflect.VisibleFields(reflect.TypeOf(a)) {
		if value := reflect.ValueOf(a).FieldByIndex(field.Index); value.Kind() == reflect.String && value.Len() > 64 && field.Name != "CallbackURL" {
			t.Errorf("%s has %d bytes", field.Name, value.Len())
		}
	}
	r.store.called()
	for reason, refused := range map[string]identity.Input{"host_too_long": in(262, 2048), "callback_url_refused": in(261, 2049)} {
		_, err := r.Authenticate(t.Context(), "customer", "google", refused)
		if identity.CodeOf(err) != identity.CodeInvalid || identity.ReasonOf(err) != reason {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
	if calls := r.store.called(); len(calls) != 0 {
		t.Errorf("the store was asked: %v", calls)
	}
}

// Beyond the limit nothing is kept and nobody asked; a callback that was refused
// can be repeated.
func TestThirdPartyLimit(t *testing.T) {
	t.Parallel()
	counter := newCounter()
	r := newRealm(t, func(c *identity.Config) { c.Limiter = limiterOf(t, counter, nil) })
	ctx := identity.WithClient(t.Context(), "192.0.2.1")
	state := r.begin(t, "google", identity.Input{})
	r.store.called()
	counter.fill("third_party", "192.0.2.1")
	_, beginning := r.Authenticate(ctx, "customer", "google", identity.Input{Host: shopHost})
	_, ending := r.Callback(ctx, "customer", "google", back(state, "ann"))
	for _, err := range []error{beginning, ending} {
		wantLimited(t, err, "third_party_limited", time.Second)
	}
	if calls := r.store.called(); len(calls) != 0 || counter.used("third_party_all", "") != 1 {
		t.Errorf("the store was asked: %v; of all %d count", calls, counter.used("third_party_all", ""))
	}
	if _, err := r.Register(ctx, "customer", "emailpass", identity.Input{Body: map[string]any{"email": "ann@example.com", "password": "x"}}); identity.CodeOf(err) == identity.CodeLimited {
		t.Errorf("registering by password: %v", err)
	}
	counter.forget()
	if _, err := r.Callback(ctx, "customer", "google", back(state, "ann")); err != nil {
		t.Errorf("the same callback later: %v", err)
	}
}
