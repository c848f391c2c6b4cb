package caddymodule_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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
