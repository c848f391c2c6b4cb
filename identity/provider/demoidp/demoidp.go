package demoidp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Options are what a Provider is made of. Issuer and Clients are required.
type Options struct {
	// Issuer is the address at which the Provider is served, like
	// http://localhost:8080/idp; requests come with its path.
	Issuer  string
	Clients []Client
	// People are offered on the page; any other may be typed.
	People []Person
	// Algorithm signs ID tokens: RS256 (default) or ES256.
	Algorithm string
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Client is an application that may send people here.
type Client struct {
	ID     string
	Secret identity.Secret
	// RedirectURIs are the addresses to which people go back, exactly.
	RedirectURIs []string
}

// Person is somebody who can log in.
type Person struct {
	Name, Email string
}

// Provider is the handler of all its endpoints. It is safe for concurrent use.
type Provider struct {
	issuer    string
	path      string // of the issuer
	clients   map[string]Client
	people    []Person
	algorithm string
	clock     func() time.Time

	mu       sync.Mutex
	key      signingKey
	codes    map[string]grant
	tokens   map[string]grant // by access token
	faults   Faults
	requests map[Endpoint]int
}

// Endpoint is one of the provider's addresses, behind the issuer.
type Endpoint string

// The endpoints.
const (
	Discovery Endpoint = "/.well-known/openid-configuration"
	Authorize Endpoint = "/authorize"
	Token     Endpoint = "/token"
	Keys      Endpoint = "/keys"
	UserInfo  Endpoint = "/userinfo"
)

// New makes a Provider with a new signing key.
func New(o Options) (*Provider, error) {
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.HasSuffix(o.Issuer, "/") {
		return nil, fmt.Errorf("demoidp: issuer %q must be an address without a slash at the end, like http://localhost:8080/idp", o.Issuer)
	}
	p := &Provider{
		issuer: o.Issuer, path: u.Path, people: o.People, algorithm: o.Algorithm, clock: o.Clock,
		clients: map[string]Client{}, codes: map[string]grant{}, tokens: map[string]grant{}, requests: map[Endpoint]int{},
	}
	for _, c := range o.Clients {
		if c.ID == "" || c.Secret.Empty() || len(c.RedirectURIs) == 0 {
			return nil, errors.New("demoidp: a client needs an id, a secret and a redirect URI")
		}
		p.clients[c.ID] = c
	}
	if len(p.clients) == 0 {
		return nil, errors.New("demoidp: add a client")
	}
	if p.algorithm == "" {
		p.algorithm = "RS256"
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	if p.key, err = newSigningKey(p.algorithm); err != nil {
		return nil, err
	}
	return p, nil
}

// Issuer returns the provider's name for itself.
func (p *Provider) Issuer() string { return p.issuer }

// Requests returns how often the endpoint was asked.
func (p *Provider) Requests(e Endpoint) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[e]
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, _ := strings.CutPrefix(r.URL.Path, p.path)
	endpoint := Endpoint(rest)
	switch endpoint {
	case Discovery, Authorize, Token, Keys, UserInfo:
	default:
		http.NotFound(w, r)
		return
	}
	p.mu.Lock()
	p.requests[endpoint]++
	faults := p.faults
	p.mu.Unlock()
	if faults.Answer != nil && faults.Answer(endpoint, w, r) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch endpoint {
	case Discovery:
		p.discovery(w, faults)
	case Authorize:
		p.authorize(w, r)
	case Token:
		p.token(w, r, faults)
	case Keys:
		p.mu.Lock()
		defer p.mu.Unlock()
		answer(w, http.StatusOK, p.key.published())
	case UserInfo:
		p.userInfo(w, r, faults)
	}
}

func (p *Provider) discovery(w http.ResponseWriter, faults Faults) {
	document := map[string]any{
		"issuer":                                p.issuer,
		"authorization_endpoint":                p.issuer + string(Authorize),
		"token_endpoint":                        p.issuer + string(Token),
		"jwks_uri":                              p.issuer + string(Keys),
		"userinfo_endpoint":                     p.issuer + string(UserInfo),
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{p.algorithm},
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	}
	if faults.Document != nil {
		faults.Document(document)
	}
	answer(w, http.StatusOK, document)
}

// answer writes a JSON document.
func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the other side is gone
}
