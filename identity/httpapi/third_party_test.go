package httpapi_test

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	googlePath   = "/auth/customer/google"
	callbackPath = "/auth/customer/google/callback"
	githubPath   = "/auth/customer/github"
)

// redirect is a provider that sends the browser to a third party, which knows
// everybody by their code.
type redirect struct {
	name string
	bind bool

	mu  sync.Mutex
	err error // of Profile
}

func (p *redirect) DisplayName() string { return p.name }
func (*redirect) Flow() identity.Flow   { return identity.FlowRedirect }

func (*redirect) CallbackURL(asked string) (string, error) {
	const only = "https://shop.example/callback"
	if cmp.Or(asked, only) != only {
		return "", &identity.Error{Code: identity.CodeInvalid, Reason: "callback_url_refused", Message: "callback_url is not on the list"}
	}
	return only, nil
}

func (p *redirect) BindRequired() bool { return p.bind }

func (*redirect) Location(_ context.Context, state string, _ identity.Attempt) (string, error) {
	return "https://idp.example/authorize?scope=a+b&x=<1>&state=" + state, nil
}

func (p *redirect) Profile(_ context.Context, code string, _ identity.Attempt) (identity.Profile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return identity.Profile{Subject: code, UserMetadata: []byte(`{"name":"<b>"}`)}, p.err
}

func (p *redirect) fails(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// begin starts a log-in at a third party and returns its state and what the
// browser is told to remember.
func (s *shop) begin(q request) (state, cookie string) {
	s.t.Helper()
	res := s.mustDo(200, q)
	const before = `{"location":"https://idp.example/authorize?scope=a+b&x=<1>&state=`
	state, ok := strings.CutPrefix(res.body, before)
	if state, closed := strings.CutSuffix(state, `"}`); ok && closed {
		cookie, _, _ = strings.Cut(res.header.Get("Set-Cookie"), ";")
		return state, cookie
	}
	s.t.Fatalf("got %s, want a location", res.body)
	return "", ""
}

// back is the query that the third party sends the browser back with.
func back(state, code string) string {
	return "?" + url.Values{"state": {state}, "code": {code}}.Encode()
}

func withLinks(set *setup) { set.links = true }

// linked adds an account of google to the person with that header, and returns
// the token of the answer.
func (s *shop) linked(code string, header ...string) (raw string) {
	s.t.Helper()
	state, _ := s.begin(post(googlePath, `{"link":true}`, header...))
	return s.token(s.mustDo(200, request{"GET", callbackPath + back(state, code), "", headers(header...)}))
}
