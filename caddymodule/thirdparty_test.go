package caddymodule_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

const (
	shopPage     = "https://shop.example/callback"
	otherPage    = "https://shop.example/other"
	clientSecret = "the-secret-of-the-shop-at-the-provider"
)

// thirdParties are the providers of one test, and the realm that uses them.
type thirdParties struct {
	staff, people *demoidp.Provider
	hub           *identitytest.GitHub
	realm         string
}

// newThirdParties starts two OpenID providers, of which one also stands for
// Google, and a GitHub.
func newThirdParties(t testing.TB, options string) *thirdParties {
	t.Helper()
	client := func(id string) []demoidp.Client {
		return []demoidp.Client{{ID: id, Secret: identity.NewSecret(clientSecret), RedirectURIs: []string{shopPage, otherPage}}}
	}
	p := &thirdParties{
		staff:  identitytest.NewOIDC(t, demoidp.Options{Clients: client("staff-client")}),
		people: identitytest.NewOIDC(t, demoidp.Options{Clients: client("people-client"), Algorithm: "RS256"}),
		hub:    identitytest.NewGitHub(t),
	}
	p.hub.ClientSecret = clientSecret
	common := "client_secret {env.TEST_CLIENT_SECRET}\ncallback_url " + shopPage + "\ncallback_urls " + otherPage +
		" https://shop.example/app/*\n" + cmp.Or(options, "timeout 30s") + "\n"
	p.realm = "provider emailpass quick\n" +
		"provider staff oidc {\nissuer " + p.staff.Issuer() + "\nclient_id staff-client\ndisplay_name \"Our staff\"\n" + common + "}\n" +
		"provider people oidc {\nissuer " + p.people.Issuer() + "\nclient_id people-client\nclient_auth post\n" + common + "}\n" +
		"provider google {\nclient_id people-client\nendpoints {\nissuer " + p.people.Issuer() + "\nauth_url " + p.people.Issuer() + "/authorize\ntoken_url " +
		p.people.Issuer() + "/token\nkeys_url " + p.people.Issuer() + "/keys\n}\n" + common + "}\n" +
		"provider github {\nclient_id " + p.hub.ClientID + "\nurl " + p.hub.URL + "\n" + common + "}\n" +
		"actor user emailpass staff\nactor customer emailpass people google github\n"
	return p
}

// TestMain's environment has no client secret.
func (p *thirdParties) open(t *testing.T) *shop {
	t.Helper()
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	return open(t, config{Realm: p.realm, Site: mayJoin + "auth_require /store/me customer\nauth_sidecar\nreverse_proxy {backend}"})
}

// began is a log-in of which the browser is away.
type began struct {
	location *url.URL
	cookie   string // that binds the browser
}

// begin asks where to log in.
func (s *shop) begin(t testing.TB, route, body string, header ...string) began {
	t.Helper()
	r := s.send(t, "POST", "/auth/"+route, body, header...)
	var answer struct{ Location string }
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil || r.StatusCode != http.StatusOK || answer.Location == "" {
		t.Fatalf("%s: no location: %d %s", route, r.StatusCode, r.body)
	}
	location, err := url.Parse(answer.Location)
	if err != nil {
		t.Fatal(err)
	}
	cookie, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	return began{location, cookie}
}

// visit logs in at the third party and returns what it sends the browser back with.
func (s *shop) visit(t testing.TB, b began, email string) url.Values {
	t.Helper()
	there := *b.location
	query := there.Query()
	query.Set("login_hint", email)
	there.RawQuery = query.Encode()
	r, err := s.client.Get(there.String())
	if err != nil {
		t.Fatal(err)
	}
	back := readResponse(t, r).Header.Get("Location")
	u, err := url.Parse(back)
	if err != nil || !strings.HasPrefix(back, "https://shop.example/") {
		t.Fatalf("the third party sends the browser to %q (%v)", back, err)
	}
	return u.Query()
}

// comeBack ends the log-in.
func (s *shop) comeBack(t testing.TB, method, route string, query url.Values, header ...string) response {
	t.Helper()
	return s.send(t, method, "/auth/"+route+"/callback?"+query.Encode(), "", header...)
}

// signIn is the whole of it, in a browser that keeps cookies.
func (s *shop) signIn(t testing.TB, route, email string) person {
	t.Helper()
	b := s.begin(t, route, "")
	p := person{email: email, actorType: strings.Split(route, "/")[0]}
	p.take(t, s.comeBack(t, "GET", route, s.visit(t, b, email), "Cookie", b.cookie))
	return p
}

// People come by each provider, by GET and POST, with its own claims and id; who
// comes again is the same, and becomes a customer in between.
func TestThirdPartyLogIn(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	for name, c := range map[string]struct{ route, subject, metadata string }{
		"staff":  {"user/staff", "", `{"name":"ada","email":"ada@example.com"}`},
		"people": {"customer/people", "", `{"name":"ada","email":"ada@example.com"}`},
		"google": {"customer/google", "", `{"name":"ada","email":"ada@example.com"}`},
		"github": {"customer/github", "9007199254740993", `"two_factor_authentication":true`},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.begin(t, c.route, "")
			query := b.location.Query()
			if query.Get("code_challenge_method") != "S256" || len(query.Get("code_challenge")) != 43 || len(query.Get("state")) != 64 ||
				query.Get("redirect_uri") != shopPage || strings.Contains(b.location.String(), clientSecret) {
				t.Errorf("location %s", b.location)
			}
			if name != "github" && query.Get("nonce") == "" {
				t.Error("no nonce")
			}
			r := s.comeBack(t, "POST", c.route, s.visit(t, b, "ada@example.com"), "Cookie", b.cookie)
			var first person
			first.take(t, r)
			claims := verified(t, strings.TrimPrefix(first.bearer, "Bearer "))
			metadata, _ := json.Marshal(claims["user_metadata"])
			if claims["actor_id"] != "" || claims["auth_provider"] != strings.Split(c.route, "/")[1] ||
				c.metadata[0] == '"' && !strings.Contains(string(metadata), c.metadata) {
				t.Errorf("claims %v", claims)
			}
			if len(r.Header["Set-Cookie"]) != 0 {
				t.Errorf("a callback sets %q", r.Header["Set-Cookie"])
			}
			first.actorType, first.actorID = strings.Split(c.route, "/")[0], "act_"+name
			s.makeActor(t, first)
			again := s.signIn(t, c.route, "ada@example.com")
			claims = verified(t, strings.TrimPrefix(again.bearer, "Bearer "))
			if again.identityID != first.identityID || claims["actor_id"] != "act_"+name {
				t.Errorf("the second log-in has the claims %v", claims)
			}
		})
	}
	r := s.send(t, "GET", "/auth/customer/providers", "")
	if !strings.Contains(r.body, `"id":"people"`) || !strings.Contains(r.body, `"flow":"redirect"`) || strings.Contains(r.body, "staff") {
		t.Errorf("providers of customers: %s", r.body)
	}
	if r := s.send(t, "GET", "/auth/user/providers", ""); !strings.Contains(r.body, `"display_name":"Our staff"`) {
		t.Errorf("providers of users: %s", r.body)
	}
	if strings.Contains(s.log(), clientSecret) || strings.Contains(s.log(), "ada@example.com") {
		t.Error("the log has a secret or an address")
	}
}

// Nobody is merged by an address: each provider's account is one of its own, and
// an account with a password is untouched (attack D9, D10).
func TestThirdPartyAddressesMergeNobody(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	squatter := s.join(t, "customer", "ada@example.com")
	owner := s.signIn(t, "customer/people", "ada@example.com")
	other := s.signIn(t, "customer/google", "ada@example.com")
	if owner.identityID == squatter.identityID || other.identityID == squatter.identityID || owner.identityID == other.identityID {
		t.Errorf("identities %s, %s, %s", squatter.identityID, owner.identityID, other.identityID)
	}
}

// A signed-in person adds an account and removes the password: the other log-ins
// die, the browser stays logged in, and the last way in cannot be removed.
func TestThirdPartyLink(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	ada := s.join(t, "customer", "ada@example.com")
	login := func() { ada.take(t, s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email))) }
	login()
	elsewhere := s.logIn(t, ada, "")
	ada.cookie = s.logIn(t, ada, "")

	b := s.begin(t, "customer/people", `{"link":true}`, "Cookie", ada.cookie)
	query := s.visit(t, b, "ada@work.example")
	// Sent to somebody else, or to nobody, the address links nothing.
	s.comeBack(t, "GET", "customer/people", query, "Cookie", b.cookie).
		want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Log in again to link an account"}`)
	query = s.visit(t, b, "ada@work.example")
	s.comeBack(t, "GET", "customer/people", query, "Cookie", b.cookie+"; "+ada.cookie).
		want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"No state provided, or session expired"}`)

	b = s.begin(t, "customer/people", `{"link":true}`, "Cookie", ada.cookie)
	var linked person
	linked.take(t, s.comeBack(t, "GET", "customer/people", s.visit(t, b, "ada@work.example"), "Cookie", b.cookie+"; "+ada.cookie))
	if linked.identityID != ada.identityID {
		t.Fatalf("linked %s to %s", ada.identityID, linked.identityID)
	}
	if again := s.signIn(t, "customer/people", "ada@work.example"); again.identityID != ada.identityID {
		t.Errorf("logs in as %s, not %s", again.identityID, ada.identityID)
	}
	// Somebody else cannot have that account as well (D11).
	eve := s.join(t, "customer", "eve@example.com")
	eve.take(t, s.send(t, "POST", "/auth/customer/emailpass", logInBody(eve.email)))
	b = s.begin(t, "customer/people", `{"link":true}`, "Authorization", eve.bearer)
	r := s.comeBack(t, "GET", "customer/people", s.visit(t, b, "ada@work.example"), "Cookie", b.cookie, "Authorization", eve.bearer)
	r.want(t, http.StatusBadRequest, `{"type":"not_allowed","message":"The people account belongs to another identity"}`)

	r = s.send(t, "DELETE", "/auth/customer/emailpass", "", "Cookie", ada.cookie)
	if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.body, `{"success":true`) {
		t.Fatalf("removing the password: %d %s", r.StatusCode, r.body)
	}
	if r := s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email)); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the removed password: %d %s", r.StatusCode, r.body)
	}
	for name, cookie := range map[string]string{"the old cookie": ada.cookie, "the one elsewhere": elsewhere} {
		if r := s.send(t, "GET", "/store/me", "", "Cookie", cookie); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	back := s.signIn(t, "customer/people", "ada@work.example")
	s.send(t, "DELETE", "/auth/customer/people", "", "Authorization", back.bearer).
		want(t, http.StatusBadRequest, `{"type":"not_allowed","message":"The last way to log in cannot be removed"}`)
	s.send(t, "DELETE", "/auth/customer/people", "").want(t, http.StatusUnauthorized, unauthorized)
}
