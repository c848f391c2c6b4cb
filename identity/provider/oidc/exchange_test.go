package oidc_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oidc"
)

func TestLocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	location, err := w.shop.Location(t.Context(), "the state & more", newAttempt())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, w.idp.Issuer()+"/authorize?") {
		t.Fatalf("%s: %v", location, err)
	}
	want := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {callbackURL}, "scope": {"openid email profile"},
		"state": {"the state & more"}, "nonce": {newAttempt().Nonce},
		// The SHA-256 of 43 times v.
		"code_challenge": {"7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"}, "code_challenge_method": {"S256"},
	}
	for name, values := range u.Query() {
		if !slices.Equal(values, want[name]) {
			t.Errorf("%s is %q, want %q", name, values, want[name])
		}
	}
	if len(u.Query()) != len(want) {
		t.Errorf("got %v", u.Query())
	}
	if w.idp.Requests(demoidp.Discovery) != 1 || w.idp.Requests(demoidp.Keys) != 0 || w.idp.Requests(demoidp.Authorize) != 0 {
		t.Error("more was asked than the discovery document")
	}
}

// Neither PKCE nor the nonce nor the state is ever left out. (attacks.md D7)
func TestIncompleteAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	code := w.visit(t, newAttempt())
	for name, change := range map[string]func(*identity.Attempt){
		"no verifier": func(a *identity.Attempt) { a.Verifier = identity.Secret{} },
		"no nonce":    func(a *identity.Attempt) { a.Nonce = "" },
		"no address":  func(a *identity.Attempt) { a.CallbackURL = "" },
	} {
		a := newAttempt()
		change(&a)
		if location, err := w.shop.Location(t.Context(), "s", a); err == nil {
			t.Errorf("%s: %s", name, location)
		}
	}
	if location, err := w.shop.Location(t.Context(), "", newAttempt()); err == nil {
		t.Errorf("no state: %s", location)
	}
	a := newAttempt()
	a.Verifier = identity.Secret{}
	if profile, err := w.shop.Profile(t.Context(), code, a); err == nil {
		t.Errorf("no verifier at the end: %+v", profile)
	}
	// Neither is an ID token without a nonce that of an attempt without one.
	a = newAttempt()
	code = w.visit(t, a)
	a.Nonce = ""
	w.idp.Misbehave(demoidp.Faults{Claims: func(claims map[string]any) { delete(claims, "nonce") }})
	_, err := w.shop.Profile(t.Context(), code, a)
	wantRefusal(t, err, identity.CodeUnauthorized, "id_token_nonce", "Authentication failed")
}

// Codes that the provider does not take. (attacks.md D6, D7)
func TestCodeRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	refused := func(name, code string, a identity.Attempt) {
		t.Helper()
		t.Log(name)
		_, err := w.shop.Profile(t.Context(), code, a)
		wantRefusal(t, err, identity.CodeUnauthorized, "code_refused", "Could not exchange token, 400, Bad Request")
	}
	refused("unknown", "unknown", newAttempt())
	refused("hostile", hostile, newAttempt())
	refused("empty", "", newAttempt())

	a := newAttempt()
	code := w.visit(t, a)
	a.Verifier = identity.NewSecret(strings.Repeat("w", 43))
	refused("another verifier", code, a)
	refused("and then the right one", code, newAttempt())

	a = newAttempt()
	code = w.visit(t, a)
	a.CallbackURL += "/other"
	refused("another callback URL", code, a)

	code = w.visit(t, newAttempt())
	if _, err := w.shop.Profile(t.Context(), code, newAttempt()); err != nil {
		t.Error(err)
	}
	refused("twice", code, newAttempt())

	code = w.visit(t, newAttempt())
	w.clock.Forward(2 * time.Minute)
	refused("late", code, newAttempt())

	code = w.visit(t, newAttempt())
	var (
		both    sync.WaitGroup
		results = make(chan error, 50)
	)
	for range 50 {
		both.Go(func() {
			_, err := w.shop.Profile(t.Context(), code, newAttempt())
			results <- err
		})
	}
	both.Wait()
	close(results)
	good := 0
	for err := range results {
		if err == nil {
			good++
		}
	}
	if good != 1 {
		t.Errorf("a code worked %d times", good)
	}
}

// What the token endpoint answers instead of tokens: only its status is repeated.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, test := range map[string]struct {
		status         int
		kind, body     string
		reason, answer string
	}{
		"invalid_grant":  {400, "application/json", `{"error":"invalid_grant","error_description":"` + `<script>"}`, "code_refused", "400, Bad Request"},
		"no JSON":        {403, "text/html", hostile, "code_refused", "403, Forbidden"},
		"garbage JSON":   {400, "application/json", hostile, "code_refused", "400, Bad Request"},
		"unknown error":  {400, "application/json", `{"error":"h0stile"}`, "code_refused", "400, Bad Request"},
		"own secret":     {401, "application/json", `{"error":"invalid_client"}`, "client_refused", "401, Unauthorized"},
		"own address":    {404, "text/html", "", "code_refused", "404, Not Found"},
		"unknown status": {499, "text/html", "", "code_refused", "499, Unknown"},
		"error with 200": {200, "application/json", `{"error":"bad_verification_code"}`, "code_refused", "400, Bad Request"},
		"form with 200":  {200, "application/x-www-form-urlencoded", `error=incorrect_client_credentials`, "client_refused", "400, Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			w.idp.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
				if e == demoidp.Token {
					r.Header().Set("Content-Type", test.kind)
					r.WriteHeader(test.status)
					_, _ = io.WriteString(r, test.body)
				}
				return e == demoidp.Token
			}})
			_, err := w.logIn(t)
			wantRefusal(t, err, identity.CodeUnauthorized, test.reason, "Could not exchange token, "+test.answer)
		})
	}
}

// Where the client secret is, and where it never is. (attacks.md D15)
func TestClientSecret(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		way     oauth.ClientAuth
		methods any // in the discovery document
		body    bool
	}{
		{"default", "", []string{"client_secret_basic", "client_secret_post"}, false},
		{"nothing said", oauth.Auto, nil, false},
		{"post only", oauth.Auto, []string{"client_secret_post"}, true},
		{"basic only", oauth.Auto, []string{"client_secret_basic", "private_key_jwt"}, false},
		{"other only", oauth.Auto, []string{"private_key_jwt"}, false},
		{"basic", oauth.Basic, []string{"client_secret_post"}, false},
		{"post", oauth.Post, []string{"client_secret_basic"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var seen []*http.Request
			w := newWorld(t, func(c *oidc.Config) { c.ClientAuth = test.way })
			w.idp.Misbehave(demoidp.Faults{
				Document: func(document map[string]any) {
					document["token_endpoint_auth_methods_supported"] = test.methods
				},
				Answer: func(_ demoidp.Endpoint, _ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPost {
						_ = r.ParseForm()
					}
					seen = append(seen, r.Clone(context.WithoutCancel(r.Context())))
					return false
				},
			})
			if _, err := w.logIn(t); err != nil {
				t.Fatal(err)
			}
			for _, r := range seen {
				for _, where := range []string{r.URL.String(), r.Referer(), r.Header.Get("Cookie")} {
					if decoded, _ := url.QueryUnescape(where); strings.Contains(where, "s3cret") || strings.Contains(decoded, clientSecret) {
						t.Errorf("the secret is in %q", where)
					}
				}
				if len(r.Cookies()) != 0 || r.UserAgent() != "auth-sidecar" && r.URL.Path != "/idp/authorize" {
					t.Errorf("%s: user agent %q, cookies %v", r.URL.Path, r.UserAgent(), r.Cookies())
				}
				if r.URL.Path != "/idp/token" {
					if r.Header.Get("Authorization") != "" {
						t.Errorf("%s got an Authorization header", r.URL.Path)
					}
					continue
				}
				basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(clientID+":"+url.QueryEscape(clientSecret)))
				if header := r.Header.Get("Authorization"); test.body && header != "" || !test.body && header != basic {
					t.Errorf("header %q", header)
				}
				if got := r.PostForm.Has("client_secret"); got != test.body || r.URL.RawQuery != "" {
					t.Errorf("in the body: %t; query %q", got, r.URL.RawQuery)
				}
			}
		})
	}
}

// A client whose own context ends is not told that the provider failed, and does
// not end what others wait for.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	asked, proceed := make(chan struct{}, 1), make(chan struct{})
	w := newWorld(t, nil)
	w.idp.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, _ http.ResponseWriter, _ *http.Request) bool {
		if e == demoidp.Discovery {
			asked <- struct{}{}
			<-proceed
		}
		return false
	}})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.shop.Location(ctx, "s", newAttempt())
		first <- err
	}()
	<-asked
	go func() {
		_, err := w.shop.Location(t.Context(), "s", newAttempt())
		second <- err
	}()
	cancel()
	wantRefusal(t, <-first, identity.CodeUnavailable, "provider_canceled", "Service temporarily unavailable")
	close(proceed)
	if err := <-second; err != nil {
		t.Error(err)
	}
	if got := w.idp.Requests(demoidp.Discovery); got != 1 {
		t.Errorf("%d discoveries", got)
	}
}
