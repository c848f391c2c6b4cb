package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

const (
	refusedState    = `{"type":"unauthorized","message":"No state provided, or session expired"}`
	refusedCallback = `{"type":"invalid_data","message":"callback_url must be one of the addresses that the provider is configured with"}`
)

// The page to which the browser goes back is one of the list, and nothing is
// sent to the provider before that is known (attack D1, D2).
func TestThirdPartyCallbackURLs(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	s.begin(t, "customer/people", `{"callback_url":"`+otherPage+`"}`)
	s.begin(t, "customer/people", `{"callback_url":"https://shop.example/app/a/b"}`)
	s.begin(t, "customer/people", `{"callback_url":null}`)
	asked := p.people.Requests(demoidp.Discovery)
	for _, bad := range []string{
		`"https://evil.example"`, `"//evil.example"`, `"/\\evil.example"`, `"https:evil.example"`, `"https://shop.example@evil.example/callback"`,
		`"https://shop.example.evil.example/callback"`, `"https://shop.evil"`, `"javascript:alert(1)"`, `"https://shop.example/callback\t"`, `"https://shop.example/\ncallback"`,
		`"https://shop.example/callback#"`, `"https://shop.example/callback?x=1"`, `"https://shop.example/Callback"`, `"http://shop.example/callback"`,
		`"https://shop.example:444/callback"`, `"https://ѕhop.example/callback"`, `"https://shop.example/app/../callback/x"`, `"https://shop.example/app/%2e%2e/x"`,
		`"https://shop.example/app/\\..\\x"`, `"https://shop.example/app/?next=https://evil.example"`, `""`, `5`, `true`, `["` + shopPage + `"]`, `{}`,
	} {
		s.send(t, "POST", "/auth/customer/people", `{"callback_url":`+bad+`}`, "Referer", "https://evil.example/").
			want(t, http.StatusBadRequest, refusedCallback)
	}
	if again := p.people.Requests(demoidp.Discovery); again != asked {
		t.Errorf("the provider was asked %d times", again-asked)
	}
	// Neither a query nor a referer chooses the page.
	b := s.begin(t, "customer/people?callback_url=https://evil.example", "", "Referer", "https://evil.example/")
	if got := b.location.Query().Get("redirect_uri"); got != shopPage {
		t.Errorf("redirect_uri %q", got)
	}
}

// A state ends one attempt: the one it was made for, once, in the browser that
// began it (attack D3, D4).
func TestThirdPartyStates(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	const route = "customer/people"
	begin := func() (began, url.Values) {
		b := s.begin(t, route, "")
		return b, s.visit(t, b, "ada@example.com")
	}
	for name, change := range map[string]func(b began, query url.Values) (path string, header []string){
		"missing": func(b began, query url.Values) (string, []string) {
			query.Del("state")
			return route, []string{"Cookie", b.cookie}
		},
		"empty": func(b began, query url.Values) (string, []string) {
			query.Set("state", "")
			return route, []string{"Cookie", b.cookie}
		},
		"unknown": func(b began, query url.Values) (string, []string) {
			query.Set("state", strings.Repeat("0", 64))
			return route, []string{"Cookie", b.cookie}
		},
		"of another provider": func(b began, _ url.Values) (string, []string) {
			return "customer/google", []string{"Cookie", b.cookie}
		},
		"in another browser": func(began, url.Values) (string, []string) {
			other, _ := begin()
			return route, []string{"Cookie", other.cookie}
		},
		"at another host": func(b began, _ url.Values) (string, []string) {
			return route, []string{"Cookie", b.cookie, "Host", "other.example"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, query := begin()
			path, header := change(b, query)
			r := s.request(t, "GET", "/auth/"+path+"/callback?"+query.Encode(), "", header...)
			if host := r.Header.Get("Host"); host != "" {
				r.Host = host
			}
			got, err := s.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			readResponse(t, got).want(t, http.StatusUnauthorized, refusedState)
		})
	}
	t.Run("of another actor type", func(t *testing.T) {
		b := s.begin(t, "customer/people", "")
		query := s.visit(t, b, "ada@example.com")
		s.comeBack(t, "GET", "user/staff", query, "Cookie", b.cookie).want(t, http.StatusUnauthorized, refusedState)
	})
	t.Run("twice", func(t *testing.T) {
		b, query := begin()
		if r := s.comeBack(t, "GET", route, query, "Cookie", b.cookie); r.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
		s.comeBack(t, "POST", route, query, "Cookie", b.cookie).want(t, http.StatusUnauthorized, refusedState)
	})
	t.Run("a browser that keeps cookies comes without", func(t *testing.T) {
		first, _ := begin()
		b := s.begin(t, route, "", "Cookie", first.cookie)
		if b.cookie != first.cookie {
			t.Error("the browser got another id: a second tab would end the first")
		}
		s.comeBack(t, "GET", route, s.visit(t, b, "ada@example.com")).want(t, http.StatusUnauthorized, refusedState)
	})
	t.Run("a client without cookies", func(t *testing.T) {
		_, query := begin()
		if r := s.comeBack(t, "GET", route, query); r.StatusCode != http.StatusOK {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	})
	t.Run("what the provider says is repeated as data", func(t *testing.T) {
		r := s.comeBack(t, "GET", route, url.Values{"error": {"x"}, "error_description": {`<script>"` + strings.Repeat("a", 5000)}, "error_uri": {"javascript:1"}})
		if r.StatusCode != http.StatusUnauthorized || len(r.body) > 1000 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
		if strings.Contains(s.log(), "<script>") || strings.Contains(s.log(), `\u003cscript\u003e\"aaa`) {
			t.Error("it is in the log")
		}
	})
}

// With `bind required` nobody comes back without the cookie (attack D3).
func TestThirdPartyBindRequired(t *testing.T) {
	p := newThirdParties(t, "bind required")
	s := p.open(t)
	b := s.begin(t, "customer/people", "")
	s.comeBack(t, "GET", "customer/people", s.visit(t, b, "ada@example.com")).want(t, http.StatusUnauthorized, refusedState)
	s.signIn(t, "customer/people", "ada@example.com")
}

// Of 50 callbacks at once with one code and state one succeeds (attack D6).
func TestThirdPartyCallbackAtOnce(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	b := s.begin(t, "customer/people", "")
	query := s.visit(t, b, "ada@example.com")
	var in, out atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			switch r := s.comeBack(t, "GET", "customer/people", query, "Cookie", b.cookie); r.StatusCode {
			case http.StatusOK:
				in.Add(1)
			case http.StatusUnauthorized:
				out.Add(1)
			default:
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 || out.Load() != 49 {
		t.Errorf("%d log-ins, %d refused", in.Load(), out.Load())
	}
}

// A provider that lies proves nobody (attack D7, D8, D9); one that is down, slow,
// redirects or answers nonsense is 503 in time, and the person can try again
// with what the browser brought (attack D14).
func TestThirdPartyMisbehaves(t *testing.T) {
	p := newThirdParties(t, "")
	s, realm := p.open(t), p.realm
	claim := func(name string, value any) demoidp.Faults {
		return demoidp.Faults{Claims: func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}}
	}
	answering := func(answer func(w http.ResponseWriter, r *http.Request)) demoidp.Faults {
		return demoidp.Faults{Answer: func(e demoidp.Endpoint, w http.ResponseWriter, r *http.Request) bool {
			if e == demoidp.Token {
				answer(w, r)
			}
			return e == demoidp.Token
		}}
	}
	now := time.Now()
	for name, c := range map[string]struct {
		faults demoidp.Faults
		status int
		google string // its message, "" for the generic one
	}{
		"issuer":          {claim("iss", "https://evil.example"), 401, ""},
		"issuer missing":  {claim("iss", nil), 401, ""},
		"audience":        {claim("aud", "another-client"), 401, "Could not verify Google id_token: jwt audience invalid. expected: people-client"},
		"azp":             {claim("azp", "another-client"), 401, ""},
		"nonce":           {claim("nonce", "of another attempt"), 401, ""},
		"nonce missing":   {claim("nonce", nil), 401, ""},
		"expired":         {claim("exp", now.Add(-time.Hour).Unix()), 401, "Could not verify Google id_token: jwt expired"},
		"of the future":   {claim("iat", now.Add(time.Hour).Unix()), 401, ""},
		"without subject": {claim("sub", nil), 401, "id_token is missing 'sub' claim"},
		"unsigned":        {demoidp.Faults{Signing: demoidp.Unsigned}, 401, ""},
		"with public key": {demoidp.Faults{Signing: demoidp.WithPublicKey}, 401, ""},
		"with other key":  {demoidp.Faults{Signing: demoidp.WithOtherKey}, 401, ""},
		"down":            {answering(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), 503, ""},
		"redirects": {answering(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusTemporaryRedirect)
		}), 503, ""},
		"nonsense": {answering(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") }), 503, ""},
		"endless": {answering(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range 64 {
				if _, err := fmt.Fprint(w, `{"a":"`+strings.Repeat("a", 1<<16)); err != nil {
					return
				}
			}
		}), 503, ""},
	} {
		for _, provider := range []string{"people", "google"} {
			t.Run(name+", "+provider, func(t *testing.T) {
				route := "customer/" + provider
				b := s.begin(t, route, "")
				query := s.visit(t, b, "ada@example.com")
				p.people.Misbehave(c.faults)
				r := s.comeBack(t, "GET", route, query, "Cookie", b.cookie)
				p.people.Misbehave(demoidp.Faults{})
				if c.status == http.StatusServiceUnavailable {
					r.wantUnavailable(t)
					// The code is as good as it was, for the provider never took it.
					if r := s.comeBack(t, "GET", route, query, "Cookie", b.cookie); r.StatusCode != http.StatusOK {
						t.Errorf("again: %d %s", r.StatusCode, r.body)
					}
					return
				}
				want := `"message":"Authentication failed"`
				if provider == "google" {
					want = `"message":"` + c.google
				}
				if r.StatusCode != c.status || !strings.Contains(r.body, want) {
					t.Errorf("%d %s", r.StatusCode, r.body)
				}
				// It was used up.
				s.comeBack(t, "GET", route, query, "Cookie", b.cookie).want(t, http.StatusUnauthorized, refusedState)
			})
		}
	}
	t.Run("slow", func(t *testing.T) {
		p := newThirdParties(t, "timeout 1s")
		if err := s.load(config{Realm: p.realm}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the provider is asked in time", func() bool { // a busy machine is slow, too
			return s.send(t, "POST", "/auth/customer/people", "").StatusCode == http.StatusOK
		})
		b := s.begin(t, "customer/people", "")
		query := s.visit(t, b, "ada@example.com")
		p.people.Misbehave(answering(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client went away
			<-r.Context().Done()
		}))
		s.comeBack(t, "GET", "customer/people", query, "Cookie", b.cookie).wantUnavailable(t)
		p.people.Misbehave(demoidp.Faults{})
		eventually(t, "what the browser brought is good enough", func() bool {
			return s.comeBack(t, "GET", "customer/people", query, "Cookie", b.cookie).StatusCode == http.StatusOK
		})
		s.mustLoad(config{Realm: realm})
	})
	t.Run("unverified address, google", func(t *testing.T) {
		b := s.begin(t, "customer/google", "")
		query := s.visit(t, b, "ada@example.com")
		p.people.Misbehave(claim("email_verified", false))
		defer p.people.Misbehave(demoidp.Faults{})
		s.comeBack(t, "GET", "customer/google", query, "Cookie", b.cookie).
			want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Email not verified, cannot proceed with authentication"}`)
	})
	t.Run("the code of another attempt", func(t *testing.T) {
		one, two := s.begin(t, "customer/people", ""), s.begin(t, "customer/people", "")
		query := s.visit(t, one, "ada@example.com")
		query.Set("code", s.visit(t, two, "eve@example.com").Get("code")) // other verifier and nonce (D7)
		s.comeBack(t, "GET", "customer/people", query, "Cookie", one.cookie).
			want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Could not exchange token, 400, Bad Request"}`)
	})
}

// Redis is asked before the provider is; while it is down nobody is told no.
func TestThirdPartyWithoutStore(t *testing.T) {
	p := newThirdParties(t, "")
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	s := open(t, config{Realm: p.realm, Redis: "redis://127.0.0.1:1"})
	s.send(t, "POST", "/auth/customer/people", "").wantUnavailable(t)
	s.send(t, "GET", "/auth/customer/people/callback?code=a&state="+strings.Repeat("0", 64), "").wantUnavailable(t)
	s.send(t, "DELETE", "/auth/customer/people", "", "Authorization", "Bearer x").want(t, http.StatusUnauthorized, unauthorized)
}
