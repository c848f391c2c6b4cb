package identity_test

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"sync"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	shopHost    = "shop.example"
	callbackURL = "https://shop.example/callback"
)

// redirecting is a provider that a third party takes part in. The third party
// knows everybody by their code, and says what the test wants.
type redirecting struct {
	mu        sync.Mutex
	bind      bool
	says      identity.Profile // the subject is the code if it is empty
	err       error            // of Profile
	blank     bool             // it names nobody
	during    func()           // called in Profile
	located   []identity.Attempt
	exchanged []identity.Attempt
}

func (*redirecting) DisplayName() string { return "Third Party Authentication" }
func (*redirecting) Flow() identity.Flow { return identity.FlowRedirect }

func (*redirecting) CallbackURL(asked string) (string, error) {
	if asked != "" && asked != callbackURL {
		return "", &identity.Error{Code: identity.CodeInvalid, Reason: "callback_url_refused", Message: "callback_url is not on the list"}
	}
	return callbackURL, nil
}

func (p *redirecting) BindRequired() bool { return p.bind }

func (p *redirecting) Location(_ context.Context, state string, a identity.Attempt) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.located = append(p.located, a)
	return "https://idp.example/?actor=" + a.ActorType + "&state=" + state, nil
}

func (p *redirecting) Profile(ctx context.Context, code string, a identity.Attempt) (identity.Profile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exchanged = append(p.exchanged, a)
	if p.during != nil {
		p.during()
	}
	if ctx.Err() != nil {
		return identity.Profile{}, identity.Unavailable("provider_unreachable", ctx.Err())
	}
	if p.err != nil {
		return identity.Profile{}, p.err
	}
	said := p.says
	if !p.blank {
		said.Subject = cmp.Or(said.Subject, code)
	}
	if said.UserMetadata == nil {
		said.UserMetadata = json.RawMessage(`{"name":"<Ann>","email":"ann@example.com"}`)
	}
	return said, nil
}

// set changes what the third party does.
func (p *redirecting) set(says identity.Profile, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.says, p.err = says, err
}

// begin starts a log-in and returns its state.
func (r *realm) begin(t testing.TB, provider string, in identity.Input) string {
	t.Helper()
	in.Host = cmp.Or(in.Host, shopHost)
	l, err := r.Authenticate(t.Context(), "customer", provider, in)
	if err != nil {
		t.Fatal(err)
	}
	location, err := url.Parse(l.Location)
	if err != nil || l.Claims.IdentityID != "" {
		t.Fatalf("%+v, %v", l, err)
	}
	return location.Query().Get("state")
}

// back is what the browser brings back from the third party.
func back(state, code string) identity.Input {
	return identity.Input{Host: shopHost, Query: map[string]string{"state": state, "code": code}}
}

// come logs in by a third party.
func (r *realm) come(t testing.TB, provider, code string) (identity.Claims, error) {
	t.Helper()
	l, err := r.Callback(t.Context(), "customer", provider, back(r.begin(t, provider, identity.Input{}), code))
	return l.Claims, err
}
