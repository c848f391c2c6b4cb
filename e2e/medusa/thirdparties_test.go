//go:build unix && medusa

package medusa

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const (
	// callbackPage is the storefront's, to which third parties send people back.
	callbackPage = shopOrigin + "/callback"
	// staffName is what the dashboard calls the OpenID provider.
	staffName = "Our staff"
	// shadowPath is where the sidecar makes identities for people of third parties.
	shadowPath = "/auth/sidecar/emailpass/register"
	// provisionPath is where Medusa makes users of them, who are shadows there.
	provisionPath = "/auth/emailpass/user"
)

// thirdParties are where people log in whom neither the sidecar nor Medusa knows.
type thirdParties struct {
	sso  *demoidp.Provider
	hub  *identitytest.GitHub
	more string // a further page to come back to
}

// newThirdParties starts them. They send people back to callbackPage, or to the
// other page if it is not "".
func newThirdParties(t *testing.T, more string) *thirdParties {
	t.Helper()
	const secret = "the shop's secret at the provider"
	pages := []string{callbackPage}
	if more != "" {
		pages = append(pages, more)
	}
	p := &thirdParties{hub: identitytest.NewGitHub(t), more: more}
	p.hub.ClientSecret = secret
	p.sso = identitytest.NewOIDC(t, demoidp.Options{
		Clients:   []demoidp.Client{{ID: "shop", Secret: identity.NewSecret(secret), RedirectURIs: pages}},
		Algorithm: "ES256",
	})
	return p
}

// setup is that of a shop whose customers and users log in there as well.
func (p *thirdParties) setup() setup {
	common := "client_secret {env.CLIENT_SECRET}\ncallback_url " + callbackPage + "\ntimeout 30s\n"
	if p.more != "" {
		common += "callback_urls " + p.more + "\n"
	}
	return setup{
		options:   ownSecret,
		customers: "sso github", users: "sso github",
		realm: "provider emailpass\nprovider sso oidc {\nissuer " + p.sso.Issuer() + "\nclient_id shop\ndisplay_name \"" + staffName + "\"\n" + common + "}\n" +
			"provider github {\nurl " + p.hub.URL + "\nclient_id " + p.hub.ClientID + "\nemail_domains jwt.github.example.com session.github.example.com\n" + common + "}",
		env: []string{"CLIENT_SECRET=" + p.hub.ClientSecret},
	}
}

// unverified makes the OpenID provider not vouch for addresses, or vouch again.
func (p *thirdParties) unverified(on bool) {
	faults := demoidp.Faults{}
	if on {
		faults.Claims = func(claims map[string]any) { claims["email_verified"] = false }
	}
	p.sso.Misbehave(faults)
}

// visitor is somebody who logs in at the OpenID provider.
type visitor struct {
	shop         *shop
	actor, email string
}

// begin returns with what the provider sends the browser back.
func (v visitor) begin(t *testing.T, token string, body any) (url.Values, error) {
	t.Helper()
	a, err := v.shop.caller().post(t, "/auth/"+v.actor+"/sso", token, body)
	if err != nil {
		return nil, err
	}
	there, err := url.Parse(a.Need(t, http.StatusOK).Field("location"))
	if err != nil {
		t.Fatal(err)
	}
	query := there.Query()
	query.Set("login_hint", v.email)
	there.RawQuery = query.Encode()
	visit, err := http.NewRequestWithContext(t.Context(), http.MethodGet, there.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	arrived, err := e2e.Send(visit)
	if err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(arrived.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), callbackPage+"?") {
		t.Fatalf("the provider sends people to %s (%v)", back, err)
	}
	return back.Query(), nil
}

// arrive logs in and returns the answer, which has a token.
func (v visitor) arrive(t *testing.T) (e2e.Answer, error) {
	t.Helper()
	query, err := v.begin(t, "", nil)
	if err != nil {
		return e2e.Answer{}, err
	}
	return v.shop.caller().Try(t, http.MethodGet, "/auth/"+v.actor+"/sso/callback?"+query.Encode(), "", nil)
}

// signIn returns the token of somebody whom nothing befalls.
func (v visitor) signIn(t *testing.T) string {
	t.Helper()
	a, err := v.arrive(t)
	if err != nil {
		t.Fatal(err)
	}
	return a.Need(t, http.StatusOK).Field("token")
}

// create asks for a customer or user.
func (v visitor) create(t *testing.T, token string) (e2e.Answer, error) {
	t.Helper()
	if v.actor == "user" {
		return v.shop.caller().post(t, "/auth/sso/user", token, nil)
	}
	return v.shop.caller().post(t, createPath, token, map[string]string{"email": v.email})
}

// try does once what a frontend does: it logs in, creates the customer or user
// unless there is one, and returns the id, or "" when a step failed in a way that
// one tries again after.
func (v visitor) try(t *testing.T) string {
	t.Helper()
	a, err := v.arrive(t)
	if err != nil || a.Status >= 500 {
		return ""
	}
	token := a.Need(t, http.StatusOK).Field("token")
	if actorIn(t, token) != "" {
		return actorIn(t, token)
	}
	a, err = v.create(t, token)
	if err != nil || a.Status >= 500 {
		return ""
	}
	a.Need(t, http.StatusOK)
	a, err = v.shop.caller().post(t, refreshPath, token, nil)
	if err != nil || a.Status >= 500 {
		return ""
	}
	return actorIn(t, a.Need(t, http.StatusOK).Field("token"))
}

// persist tries until they are a customer or user, and checks that they are one.
func (v visitor) persist(t *testing.T) string {
	t.Helper()
	for range 5 {
		if id := v.try(t); id != "" {
			v.is(t, id)
			return id
		}
	}
	t.Fatalf("%s becomes no %s", v.email, v.actor)
	return ""
}

// is checks that Medusa has the visitor once, under that id, and knows nobody who
// logs in with the address.
func (v visitor) is(t *testing.T, id string) {
	t.Helper()
	table := map[string]string{"user": `"user"`, "customer": "customer"}[v.actor]
	db := v.shop.backend.Postgres
	if got := db.Query(t, `select string_agg(id, ';') from `+table+` where email = '`+v.email+`' and deleted_at is null`); got != id {
		t.Errorf("Medusa has the %ss %s, want %s", v.actor, got, id)
	}
	v.shop.backend.hasIdentity(t, v.email, "")
	v.shop.backend.hasShadow(t, v.actor, id)
	token := v.signIn(t)
	if got := actorIn(t, token); got != id {
		t.Errorf("who logs in is %q, want %s", got, id)
	}
	me := map[string]string{"user": selfPath, "customer": mePath}[v.actor]
	if got := v.shop.caller().Do(t, http.MethodGet, me, token, nil).Need(t, http.StatusOK).Field(v.actor + ".id"); got != id {
		t.Errorf("who is logged in is %q, want %s", got, id)
	}
}

// hasShadow checks that one identity at Medusa with an address that exists
// nowhere is that customer or user.
func (s *medusa) hasShadow(t *testing.T, actor, id string) {
	t.Helper()
	got := s.Postgres.Query(t, `select string_agg(p.provider || ' ' || p.entity_id, ';') from provider_identity p
		join auth_identity a on a.id = p.auth_identity_id
		where a.app_metadata->>'`+actor+`_id' = '`+id+`' and p.entity_id like '%@sidecar.invalid' and p.deleted_at is null and a.deleted_at is null`)
	if !strings.HasPrefix(got, "emailpass shadow-") || strings.Contains(got, ";") {
		t.Errorf("the shadows of %s are %q", id, got)
	}
}
