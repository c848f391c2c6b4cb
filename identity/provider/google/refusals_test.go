package google_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/google"
)

// What Medusa says, it says in the same words. (reference medusa-v2, section 4;
// attacks.md D8, D9)
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := w.clock.Now()
	for name, test := range map[string]struct {
		change          func(map[string]any)
		signing         demoidp.Signing
		reason, message string
	}{
		"expired": {
			change: func(c map[string]any) { c["exp"] = now.Add(-time.Second).Unix() },
			reason: "id_token_expired", message: "Could not verify Google id_token: jwt expired",
		},
		"audience": {
			change: func(c map[string]any) { c["aud"] = "evil" },
			reason: "id_token_audience", message: "Could not verify Google id_token: jwt audience invalid. expected: " + clientID,
		},
		"issuer": {
			change: func(c map[string]any) { c["iss"] = "https://accounts.google.com.evil.example" }, reason: "id_token_issuer",
			message: "Could not verify Google id_token: jwt issuer invalid. expected: https://accounts.google.com,accounts.google.com",
		},
		"azp": {
			change: func(c map[string]any) { c["azp"] = "evil" },
			reason: "id_token_azp", message: "Could not verify Google id_token: jwt azp invalid. expected: " + clientID,
		},
		"nonce": {
			change: func(c map[string]any) { delete(c, "nonce") },
			reason: "id_token_nonce", message: "Could not verify Google id_token: nonce invalid",
		},
		"future": {
			change: func(c map[string]any) { c["iat"] = now.Add(time.Hour).Unix() },
			reason: "id_token_future", message: "Could not verify Google id_token: jwt not active",
		},
		"old": {
			change: func(c map[string]any) { c["iat"] = now.Add(-time.Hour).Unix() },
			reason: "id_token_old", message: "Could not verify Google id_token: maxAge exceeded",
		},
		"no subject": {
			change: func(c map[string]any) { delete(c, "sub") },
			reason: "id_token_subject", message: "id_token is missing 'sub' claim",
		},
		"unverified": {
			change: func(c map[string]any) { c["email_verified"] = false },
			reason: "email_unverified", message: "Email not verified, cannot proceed with authentication",
		},
		"verified is missing": {
			change: func(c map[string]any) { delete(c, "email_verified") },
			reason: "email_unverified", message: "Email not verified, cannot proceed with authentication",
		},
		"verified is null": {
			change: func(c map[string]any) { c["email_verified"] = nil },
			reason: "email_unverified", message: "Email not verified, cannot proceed with authentication",
		},
		"unsigned":    {signing: demoidp.Unsigned, reason: "id_token_algorithm", message: "Could not verify Google id_token: invalid algorithm"},
		"public key":  {signing: demoidp.WithPublicKey, reason: "id_token_algorithm", message: "Could not verify Google id_token: invalid algorithm"},
		"other key":   {signing: demoidp.WithOtherKey, reason: "id_token_signature", message: "Could not verify Google id_token: invalid signature"},
		"unknown key": {signing: demoidp.WithUnknownKey, reason: "id_token_key", message: "Could not verify Google id_token: no key for it is published"},
	} {
		t.Run(name, func(t *testing.T) {
			w.misbehave(test.change, test.signing)
			profile, err := w.logIn(t)
			if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != test.reason || err.Error() != test.message || profile.Subject != "" {
				t.Errorf("got %s, %v, %+v, want %s, %s", identity.ReasonOf(err), err, profile, test.reason, test.message)
			}
		})
	}

	w.idp.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
		if e == demoidp.Token {
			r.Header().Set("Content-Type", "application/json")
			_, _ = r.Write([]byte(`{"access_token":"a"}`))
		}
		return e == demoidp.Token
	}})
	_, err := w.logIn(t)
	if identity.ReasonOf(err) != "id_token_missing" || err.Error() != "Authentication failed" {
		t.Errorf("no ID token: %v", err)
	}
	w.misbehave(nil, demoidp.Properly)
	_, err = w.shop.Profile(t.Context(), "unknown", newAttempt())
	if identity.CodeOf(err) != identity.CodeUnauthorized || err.Error() != "Could not exchange token, 400, Bad Request" {
		t.Errorf("unknown code: %v", err)
	}
}

// A person whose verified address is an odd one logs in; it links to nobody.
func TestOddAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.misbehave(func(c map[string]any) { c["email"] = "a@evil@shop.example" }, demoidp.Properly)
	if profile, err := w.logIn(t); err != nil || profile.VerifiedEmail != "" || profile.Subject == "" {
		t.Errorf("%+v, %v", profile, err)
	}
}

// Only people of the domains log in; that Google manages the account for the
// domain is not what counts. (attacks.md D13)
func TestEmailDomains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *google.Config) { c.EmailDomains = []string{"shop.example"} })
	for name, test := range map[string]struct {
		email    any
		verified bool
		reason   string
	}{
		"of the domain":  {"Ann@Shop.Example", true, ""},
		"another":        {person, true, "email_domain"},
		"two @":          {"a@evil@shop.example", true, "email_domain"},
		"quoted":         {`"a@evil.example"@shop.example`, true, "email_domain"},
		"subdomain":      {"ann@mail.shop.example", true, "email_domain"},
		"missing":        {nil, true, "email_domain"},
		"list":           {[]string{"ann@shop.example"}, true, "email_domain"},
		"not verified":   {"ann@shop.example", false, "email_unverified"},
		"managed by hd":  {"ann@evil.example", true, "email_domain"},
		"trailing dot":   {"ann@shop.example.", true, "email_domain"},
		"display name":   {"Ann <ann@shop.example>", true, "email_domain"},
		"comment behind": {"ann@shop.example(x)", true, "email_domain"},
	} {
		w.misbehave(func(c map[string]any) {
			c["email"], c["email_verified"], c["hd"] = test.email, test.verified, "shop.example"
		}, demoidp.Properly)
		profile, err := w.logIn(t)
		if test.reason == "" {
			if err != nil || profile.Subject == "" {
				t.Errorf("%s: %+v, %v", name, profile, err)
			}
			continue
		}
		if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != test.reason || profile.Subject != "" {
			t.Errorf("%s: %+v, %v", name, profile, err)
		}
	}
}
