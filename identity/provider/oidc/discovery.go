package oidc

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// metadata is what a discovery document says (OpenID Connect Discovery 1.0,
// section 3).
type metadata struct {
	gooidc.ProviderConfig
	ClientAuths []string `json:"token_endpoint_auth_methods_supported"`

	clientAuth oauth.ClientAuth // Basic or Post
}

// discover fetches the discovery document.
func (p *Provider) discover(ctx context.Context) (*metadata, error) {
	var m metadata
	status, err := p.GetJSON(ctx, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration", nil, &m)
	switch {
	case err != nil:
		return nil, err
	case status != 200:
		return nil, oauth.Unusable("status " + strconv.Itoa(status) + " for the discovery document: is the issuer right?")
	}
	if err := m.check(p.issuer); err != nil {
		return nil, err
	}
	return &m, nil
}

// check refuses a document that another provider could have made, or that makes
// the browser or the sidecar go where the configuration does not permit it.
func (m *metadata) check(issuer string) error {
	if m.IssuerURL != issuer {
		// Another tenant's document, or a slash too much in the configuration.
		return oauth.Unusable("its discovery document names another issuer: write the issuer exactly as it is there")
	}
	plain := strings.HasPrefix(issuer, "http:")
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthURL, "token_endpoint": m.TokenURL, "jwks_uri": m.JWKSURL,
	} {
		if !callable(endpoint, plain) {
			return oauth.Unusable("its " + name + " is no https address")
		}
	}
	if m.UserInfoURL != "" && !callable(m.UserInfoURL, plain) {
		return oauth.Unusable("its userinfo_endpoint is no https address")
	}
	if m.Algorithms = slices.DeleteFunc(m.Algorithms, func(name string) bool { return !slices.Contains(algorithmNames, name) }); len(m.Algorithms) == 0 {
		m.Algorithms = []string{gooidc.RS256} // which every provider must support
	}
	if m.clientAuth = oauth.Basic; slices.Contains(m.ClientAuths, "client_secret_post") && !slices.Contains(m.ClientAuths, "client_secret_basic") {
		m.clientAuth = oauth.Post
	}
	return nil
}

// callable reports whether the address may be used: https, or http if plain.
func callable(address string, plain bool) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && !strings.Contains(address, "#") && (u.Scheme == "https" || plain && u.Scheme == "http")
}
