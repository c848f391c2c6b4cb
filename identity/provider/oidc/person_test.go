package oidc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oidc"
)

// Which addresses count as verified: the person logs in with any. (attacks.md D9,
// D13; the addresses that are none are tested where they are judged)
func TestVerifiedEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, test := range map[string]struct {
		email, verified any
		want            string
	}{
		"verified":             {person, true, person},
		"verified as a text":   {person, "true", person},
		"changed later":        {"new@example.com", true, "new@example.com"},
		"not verified":         {person, false, ""},
		"not, as a text":       {person, "false", ""},
		"missing":              {person, nil, ""},
		"number":               {person, 1, ""},
		"text of another case": {person, "TRUE", ""},
		"yes":                  {person, "yes", ""},
		"array":                {person, []bool{true}, ""},
		"object":               {person, map[string]any{"true": true}, ""},
		"two @":                {"a@evil@shop.example", true, ""},
		"display name":         {"Ann <ann@example.com>", true, ""},
		"two addresses":        {"ann@example.com, bob@example.com", true, ""},
		"number for it":        {7, true, ""},
		"array for it":         {[]string{person}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			change := func(claims map[string]any) { claims["email"], claims["email_verified"] = test.email, test.verified }
			w.idp.Misbehave(demoidp.Faults{Claims: change, UserInfo: change})
			profile, err := w.logIn(t)
			if err != nil || profile.VerifiedEmail != test.want || profile.Subject == "" {
				t.Errorf("got %+v, %v, want %q", profile, err, test.want)
			}
		})
	}
}

func TestUserMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.idp.Misbehave(demoidp.Faults{Claims: func(claims map[string]any) {
		claims["name"] = strings.Repeat("n", 2000)
		claims["given_name"] = 7
		claims["family_name"] = nil
		claims["picture"] = "https://example.com/<a>.png"
		claims["is_admin"] = true
	}})
	profile, err := w.logIn(t)
	var got map[string]any
	if err != nil || json.Unmarshal(profile.UserMetadata, &got) != nil {
		t.Fatalf("%s, %v", profile.UserMetadata, err)
	}
	if len(got) != 2 || got["email"] != person || got["picture"] != "https://example.com/<a>.png" {
		t.Errorf("got %v", got)
	}
}

// A provider that says more by userinfo than in the ID token.
func TestUserInfo(t *testing.T) {
	t.Parallel()
	slim := func(claims map[string]any) {
		for _, member := range []string{"email", "email_verified", "name", "given_name", "family_name"} {
			delete(claims, member)
		}
	}
	w := newWorld(t, nil)
	w.idp.Misbehave(demoidp.Faults{Claims: slim})
	profile, err := w.logIn(t)
	if err != nil || profile.VerifiedEmail != person || !strings.Contains(string(profile.UserMetadata), "Ann Lee") {
		t.Errorf("got %+v, %v", profile, err)
	}
	for name, change := range map[string]func(map[string]any){
		"somebody else":    func(claims map[string]any) { claims["sub"] = "victim" },
		"nobody":           func(claims map[string]any) { delete(claims, "sub") },
		"subject no text":  func(claims map[string]any) { claims["sub"] = 1 },
		"another spelling": func(claims map[string]any) { claims["sub"] = strings.ToUpper(claims["sub"].(string)) },
	} {
		w.idp.Misbehave(demoidp.Faults{Claims: slim, UserInfo: change})
		profile, err := w.logIn(t)
		wantRefusal(t, err, identity.CodeUnauthorized, "userinfo_subject", "Authentication failed")
		if profile.Subject != "" {
			t.Errorf("%s: %+v", name, profile)
		}
	}

	w = newWorld(t, func(c *oidc.Config) { c.Scopes = []string{"openid"} })
	profile, err = w.logIn(t)
	if err != nil || profile.Subject == "" || profile.VerifiedEmail != "" || string(profile.UserMetadata) != "{}" || w.idp.Requests(demoidp.UserInfo) != 0 {
		t.Errorf("nobody asked for the address: %+v, %v", profile, err)
	}
}

// Only people of the domains log in, and none whose address the provider does not
// say to be verified. (attacks.md D13)
func TestEmailDomains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *oidc.Config) { c.EmailDomains = []string{"shop.example", "Bücher.example"} })
	for name, test := range map[string]struct {
		email, verified any
		in              bool
	}{
		"of the domain":      {"Ann@Shop.Example", true, true},
		"of the other":       {"ann@bücher.example", "true", true},
		"of it, in ASCII":    {"ann@xn--bcher-kva.example", true, true},
		"another":            {person, true, false},
		"not verified":       {"ann@shop.example", false, false},
		"verified is silent": {"ann@shop.example", nil, false},
		"no address":         {nil, true, false},
		"two @":              {"a@evil@shop.example", true, false},
		"quoted":             {`"a@evil.example"@shop.example`, true, false},
		"comment":            {"ann@shop.example(x)", true, false},
		"trailing dot":       {"ann@shop.example.", true, false},
		"display name":       {"Ann <ann@shop.example>", true, false},
		"subdomain":          {"ann@mail.shop.example", true, false},
		"look-alike":         {"ann@\u0455hop.example", true, false},
		"full width":         {"ann@\uff53hop.example", true, false},
	} {
		change := func(claims map[string]any) { claims["email"], claims["email_verified"] = test.email, test.verified }
		for where, faults := range map[string]demoidp.Faults{
			"ID token": {Claims: change, UserInfo: change},
			"userinfo": {Claims: func(claims map[string]any) { delete(claims, "email") }, UserInfo: change},
		} {
			w.idp.Misbehave(faults)
			profile, err := w.logIn(t)
			if !test.in {
				wantRefusal(t, err, identity.CodeUnauthorized, "email_domain", "Authentication failed")
			}
			if test.in != (err == nil) || test.in != (profile.Subject != "") {
				t.Errorf("%s in the %s: %+v, %v", name, where, profile, err)
			}
		}
	}
}
