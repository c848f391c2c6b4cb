package oidc_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

// Documents that another provider could have made, or that lead elsewhere.
// (attacks.md D8, D14)
func TestDiscoveryDocument(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		member string
		value  any
		good   bool
	}{
		"other issuer":                 {member: "issuer", value: "https://evil.example"},
		"issuer with a slash":          {member: "issuer", value: "SLASH"},
		"no issuer":                    {member: "issuer"},
		"no authorization endpoint":    {member: "authorization_endpoint"},
		"script to authorize":          {member: "authorization_endpoint", value: "javascript:alert(1)"},
		"relative authorization":       {member: "authorization_endpoint", value: "/authorize"},
		"authorization with a user":    {member: "authorization_endpoint", value: "https://shop@evil.example/"},
		"authorization with fragment":  {member: "authorization_endpoint", value: "https://evil.example/#"},
		"authorization with fragments": {member: "authorization_endpoint", value: "https://evil.example/#x"},
		"authorization, control":       {member: "authorization_endpoint", value: "https://evil.example/\r\nX: y"},
		"no token endpoint":            {member: "token_endpoint"},
		"token endpoint in a file":     {member: "token_endpoint", value: "file:///etc/passwd"},
		"token endpoint as a number":   {member: "token_endpoint", value: 1},
		"no keys":                      {member: "jwks_uri"},
		"keys by gopher":               {member: "jwks_uri", value: "gopher://127.0.0.1:6379/_FLUSHALL"},
		"userinfo by ftp":              {member: "userinfo_endpoint", value: "ftp://evil.example"},
		"no userinfo":                  {member: "userinfo_endpoint", good: true},
		"algorithm none alone":         {member: "id_token_signing_alg_values_supported", value: []string{"none", "HS256"}, good: true},
		"no algorithms":                {member: "id_token_signing_alg_values_supported", good: true},
		"authorization with a query":   {member: "authorization_endpoint", value: "https://login.example/?tenant=1", good: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.idp.Misbehave(demoidp.Faults{Document: func(document map[string]any) {
				if document[test.member] = test.value; test.value == "SLASH" {
					document[test.member] = w.idp.Issuer() + "/"
				}
			}})
			location, err := w.shop.Location(t.Context(), "s", newAttempt())
			if test.good {
				if err != nil || !strings.Contains(location, "code_challenge=") {
					t.Errorf("got %q, %v", location, err)
				}
				return
			}
			wantRefusal(t, err, identity.CodeUnavailable, "provider_answer_unusable", "Service temporarily unavailable")
		})
	}
}

// What a provider says of none and HMAC makes neither acceptable.
func TestAlgorithmsOfDiscovery(t *testing.T) {
	t.Parallel()
	for _, signing := range []demoidp.Signing{demoidp.Unsigned, demoidp.WithPublicKey} {
		w := newWorld(t, nil)
		w.idp.Misbehave(demoidp.Faults{
			Document: func(document map[string]any) {
				document["id_token_signing_alg_values_supported"] = []string{"none", "HS256", "ES256"}
			},
			Signing: signing,
		})
		_, err := w.logIn(t)
		wantRefusal(t, err, identity.CodeUnauthorized, "id_token_algorithm", "Authentication failed")
	}
}

// A failure is not remembered for long, and an old document is better than none.
func TestDiscoveryCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	down := demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
		if e == demoidp.Discovery {
			r.WriteHeader(http.StatusNotFound)
		}
		return e == demoidp.Discovery
	}}
	locate := func() error {
		_, err := w.shop.Location(t.Context(), "s", newAttempt())
		return err
	}
	w.idp.Misbehave(down)
	for range 3 {
		wantRefusal(t, locate(), identity.CodeUnavailable, "provider_answer_unusable", "Service temporarily unavailable")
	}
	if got := w.idp.Requests(demoidp.Discovery); got != 1 {
		t.Errorf("asked %d times while it had just failed", got)
	}
	w.idp.Misbehave(demoidp.Faults{})
	w.clock.Forward(3 * time.Second)
	var crowd sync.WaitGroup
	for range 20 {
		crowd.Go(func() {
			if err := locate(); err != nil {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	w.clock.Forward(59 * time.Minute)
	if err := locate(); err != nil || w.idp.Requests(demoidp.Discovery) != 2 {
		t.Errorf("%v; asked %d times", err, w.idp.Requests(demoidp.Discovery))
	}
	w.clock.Forward(2 * time.Minute)
	if err := locate(); err != nil || w.idp.Requests(demoidp.Discovery) != 3 {
		t.Errorf("after an hour: %v; asked %d times", err, w.idp.Requests(demoidp.Discovery))
	}
	w.idp.Misbehave(down)
	w.clock.Forward(23 * time.Hour)
	if err := locate(); err != nil {
		t.Errorf("with a document of yesterday: %v", err)
	}
	w.clock.Forward(2 * time.Hour)
	wantRefusal(t, locate(), identity.CodeUnavailable, "provider_answer_unusable", "Service temporarily unavailable")
}
