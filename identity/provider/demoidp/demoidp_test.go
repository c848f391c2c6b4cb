package demoidp_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

const (
	back      = "https://shop.example/cb?x=y"
	verifier  = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"
	challenge = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"
	issuer    = "http://localhost:8080/idp"
)

func newProvider(t testing.TB, clock *identitytest.Clock) *demoidp.Provider {
	t.Helper()
	p, err := demoidp.New(demoidp.Options{
		Issuer: issuer, Algorithm: "ES256", Clock: clock.Now,
		Clients: []demoidp.Client{
			{ID: "shop", Secret: identity.NewSecret("s3cret"), RedirectURIs: []string{back}},
			{ID: "other", Secret: identity.NewSecret("other"), RedirectURIs: []string{back}},
		},
		People: []demoidp.Person{{Name: "Ann Example", Email: "ann@example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func asked(change url.Values) url.Values {
	query := url.Values{
		"client_id": {"shop"}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid email profile"}, "state": {"<state>"},
		"nonce": {"n"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for name, values := range change {
		query[name] = values
	}
	return query
}

func get(p http.Handler, query url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, issuer+"/authorize?"+query.Encode(), nil))
	return w
}

func post(p http.Handler, path string, form url.Values, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

// came returns the query with which the browser is sent back.
func came(t *testing.T, w *httptest.ResponseRecorder) url.Values {
	t.Helper()
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || u.Host != "shop.example" || u.Query().Get("x") != "y" || u.Query().Get("iss") != issuer {
		t.Fatalf("status %d, location %q, %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return u.Query()
}

// A person with a browser sees the page, and comes back with a code.
func TestPage(t *testing.T) {
	t.Parallel()
	p := newProvider(t, identitytest.NewClock())
	w := get(p, asked(nil))
	body := w.Body.String()
	for _, part := range []string{"Never use this in production", "Ann Example (ann@example.com)", `action="/idp/authorize"`, "<strong>shop</strong>"} {
		if w.Code != http.StatusOK || !strings.Contains(body, part) {
			t.Errorf("status %d, the page lacks %q:\n%s", w.Code, part, body)
		}
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(body, "<state>") {
		t.Errorf("policy %q", policy)
	}
	found := regexp.MustCompile(`name="request" value="([^"]*)"`).FindStringSubmatch(body)
	if found == nil {
		t.Fatal("no hidden request")
	}
	request := html.UnescapeString(found[1])
	for name, form := range map[string]url.Values{
		"picked":      {"request": {request}, "pick": {"ann@example.com"}},
		"typed":       {"request": {request}, "name": {"Bob"}, "email": {" bob@example.com "}},
		"email alone": {"request": {request}, "email": {"bob@example.com"}},
	} {
		if query := came(t, post(p, "/authorize", form, nil)); query.Get("code") == "" || query.Get("state") != "<state>" {
			t.Errorf("%s: %v", name, query)
		}
	}
	if query := came(t, post(p, "/authorize", url.Values{"request": {request}, "action": {"cancel"}}, nil)); query.Get("error") != "access_denied" ||
		query.Get("code") != "" || query.Get("state") != "<state>" {
		t.Errorf("cancelled: %v", query)
	}
	if w := post(p, "/authorize", url.Values{"request": {request}}, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Who are you?") {
		t.Errorf("nobody named: %d", w.Code)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	p := newProvider(t, identitytest.NewClock())
	for name, change := range map[string]url.Values{
		"unknown client":    {"client_id": {"evil"}},
		"other address":     {"redirect_uri": {"https://evil.example"}},
		"longer address":    {"redirect_uri": {back + "&z"}},
		"no address at all": {"redirect_uri": nil},
	} {
		change.Set("login_hint", "ann@example.com")
		for _, w := range []*httptest.ResponseRecorder{
			get(p, asked(change)),
			post(p, "/authorize", url.Values{"request": {asked(change).Encode()}, "pick": {"ann@example.com"}}, nil),
		} {
			if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
				t.Errorf("%s: %d, %v", name, w.Code, w.Header())
			}
		}
	}
	for name, change := range map[string]url.Values{
		"invalid_scope":             {"scope": {"email"}},
		"unsupported_response_type": {"response_type": {"token"}},
		"invalid_request":           {"code_challenge": nil},
		"invalid_request ":          {"code_challenge_method": {"plain"}},
		"invalid_request  ":         {"code_challenge_method": nil},
	} {
		change.Set("login_hint", "ann@example.com")
		query := came(t, get(p, asked(change)))
		if query.Get("error") != strings.TrimSpace(name) || query.Get("code") != "" || query.Get("state") != "<state>" {
			t.Errorf("%s: %v", name, query)
		}
	}
}

func TestTokenRefuses(t *testing.T) {
	t.Parallel()
	clock := identitytest.NewClock()
	p := newProvider(t, clock)
	form := func(change url.Values) url.Values {
		code := came(t, get(p, asked(url.Values{"login_hint": {"ann@example.com"}}))).Get("code")
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier},
			"client_id": {"shop"}, "client_secret": {"s3cret"},
		}
		for name, values := range change {
			form[name] = values
		}
		return form
	}
	if w := post(p, "/token", form(nil), nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "id_token") {
		t.Fatalf("%d, %s", w.Code, w.Body)
	}
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(id, secret) }
	}
	noSecret := url.Values{"client_id": nil, "client_secret": nil}
	if w := post(p, "/token", form(noSecret), basic("shop", "s3cret")); w.Code != http.StatusOK {
		t.Errorf("by header: %d, %s", w.Code, w.Body)
	}
	late := form(nil)
	clock.Forward(time.Minute)
	twice := form(nil)
	post(p, "/token", twice, nil)
	for _, test := range []struct {
		name   string
		form   url.Values
		change func(*http.Request)
		status int
		says   string
	}{
		{"late", late, nil, 400, "invalid_grant"},
		{"twice", twice, nil, 400, "invalid_grant"},
		{"unknown code", form(url.Values{"code": {"x"}}), nil, 400, "invalid_grant"},
		{"verifier", form(url.Values{"code_verifier": {"x"}}), nil, 400, "invalid_grant"},
		{"no verifier", form(url.Values{"code_verifier": nil}), nil, 400, "invalid_grant"},
		{"address", form(url.Values{"redirect_uri": {"https://evil.example"}}), nil, 400, "invalid_grant"},
		{"another client's", form(url.Values{"client_id": {"other"}, "client_secret": {"other"}}), nil, 400, "invalid_grant"},
		{"kind", form(url.Values{"grant_type": {"password"}}), nil, 400, "unsupported_grant_type"},
		{"secret", form(url.Values{"client_secret": {"x"}}), nil, 401, "invalid_client"},
		{"no secret", form(noSecret), nil, 401, "invalid_client"},
		{"secret in the header", form(noSecret), basic("shop", "x"), 401, "invalid_client"},
		{"both ways", form(nil), basic("shop", "s3cret"), 401, "invalid_client"},
		{"secret in the address", form(nil), func(r *http.Request) { r.URL.RawQuery = "client_secret=s3cret" }, 400, "invalid_request"},
		{"GET", form(nil), func(r *http.Request) { r.Method = http.MethodGet }, 400, "invalid_request"},
	} {
		w := post(p, "/token", test.form, test.change)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) || strings.Contains(w.Body.String(), "id_token") {
			t.Errorf("%s: %d, %s", test.name, w.Code, w.Body)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := demoidp.Client{ID: "shop", Secret: identity.NewSecret("s"), RedirectURIs: []string{back}}
	for name, o := range map[string]demoidp.Options{
		"issuer with a slash": {Issuer: issuer + "/", Clients: []demoidp.Client{good}},
		"no issuer":           {Clients: []demoidp.Client{good}},
		"no client":           {Issuer: issuer},
		"no secret":           {Issuer: issuer, Clients: []demoidp.Client{{ID: "shop", RedirectURIs: []string{back}}}},
		"algorithm":           {Issuer: issuer, Clients: []demoidp.Client{good}, Algorithm: "HS256"},
	} {
		if _, err := demoidp.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	p := newProvider(t, identitytest.NewClock())
	for _, path := range []string{"/idp", "/idp/", "/other/keys", "/idp/keys/x"} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if body, _ := io.ReadAll(w.Body); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, %s", path, w.Code, body)
		}
	}
}

// FuzzAuthorize: whatever is asked, nobody is sent to another address.
func FuzzAuthorize(f *testing.F) {
	f.Add(asked(nil).Encode(), "pick=ann@example.com")
	f.Add(asked(url.Values{"redirect_uri": {"https://evil.example"}}).Encode(), "action=cancel")
	p := newProvider(f, identitytest.NewClock())
	f.Fuzz(func(t *testing.T, request, rest string) {
		form, _ := url.ParseQuery(rest)
		form.Set("request", request)
		w := post(p, "/authorize", form, nil)
		if to := w.Header().Get("Location"); to != "" && !strings.HasPrefix(to, "https://shop.example/cb?") {
			t.Fatalf("sent to %q", to)
		}
	})
}
