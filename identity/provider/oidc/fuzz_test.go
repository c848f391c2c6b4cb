package oidc_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

// usableFor is more than what is fetched counts.
const usableFor = 25 * time.Hour

// answering makes one endpoint answer what the fuzzer says.
func answering(endpoint demoidp.Endpoint, kind string, body *atomic.Pointer[[]byte]) demoidp.Faults {
	return demoidp.Faults{
		Claims: func(claims map[string]any) { delete(claims, "email") }, // so that userinfo is asked
		Answer: func(e demoidp.Endpoint, w http.ResponseWriter, _ *http.Request) bool {
			if e == endpoint {
				w.Header().Set("Content-Type", kind)
				_, _ = w.Write(*body.Load())
			}
			return e == endpoint
		},
	}
}

// wantAnswer accepts a refusal of known form and nothing else.
func wantAnswer(t *testing.T, err error) {
	t.Helper()
	if code := identity.CodeOf(err); code != identity.CodeUnauthorized && code != identity.CodeUnavailable {
		t.Fatalf("got %v", err)
	}
	if len(err.Error()) > 300 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Fatalf("message %q", err)
	}
}

func FuzzDiscovery(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"issuer":"ISSUER","authorization_endpoint":"https://a/?b","token_endpoint":"https://t","jwks_uri":"https://k"}`,
		`{"issuer":"ISSUER","authorization_endpoint":"javascript:x","token_endpoint":"//t","jwks_uri":1}`,
	} {
		f.Add([]byte(seed))
	}
	w := newWorld(f, nil)
	var body atomic.Pointer[[]byte]
	w.idp.Misbehave(answering(demoidp.Discovery, "application/json", &body))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = []byte(strings.ReplaceAll(string(data), "ISSUER", w.idp.Issuer()))
		body.Store(&data)
		w.clock.Forward(usableFor)
		location, err := w.shop.Location(t.Context(), "s", newAttempt())
		if err != nil {
			wantAnswer(t, err)
			return
		}
		if !strings.HasPrefix(location, "http") || !strings.Contains(location, "code_challenge_method=S256") || strings.ContainsAny(location, "#\r\n") {
			t.Fatalf("%q", location)
		}
	})
}

// No token answer that is not the provider's own logs anybody in.
func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","id_token":"e30.e30.e30"}`, `{"error":"invalid_grant"}`, `access_token=a&id_token=b`, `null`, `[]`,
		`{"access_token":"a","id_token":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."}`, `{"access_token":1}`, `{"access_token":"a","expires_in":"x"}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	var body atomic.Pointer[[]byte]
	byJSON, byForm := newWorld(f, nil), newWorld(f, nil)
	byJSON.idp.Misbehave(answering(demoidp.Token, "application/json", &body))
	byForm.idp.Misbehave(answering(demoidp.Token, "application/x-www-form-urlencoded", &body))
	f.Fuzz(func(t *testing.T, data []byte, form bool) {
		body.Store(&data)
		w := byJSON
		if form {
			w = byForm
		}
		profile, err := w.shop.Profile(t.Context(), "c", newAttempt())
		if err == nil {
			t.Fatalf("logs in: %+v", profile)
		}
		wantAnswer(t, err)
	})
}

// No userinfo answer makes the person another one.
func FuzzUserInfo(f *testing.F) {
	w := newWorld(f, nil)
	subject := demoidp.Subject(w.idp.Issuer(), person)
	for _, seed := range []string{
		`{"sub":"SUBJECT","email":"a@b.example","email_verified":true}`, `{"sub":"SUBJECT","email":1,"email_verified":"true","name":null}`,
		`{"sub":"x"}`, `null`, `[]`, `{}`, `"SUBJECT"`,
	} {
		f.Add([]byte(seed))
	}
	var body atomic.Pointer[[]byte]
	w.idp.Misbehave(answering(demoidp.UserInfo, "application/json", &body))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = []byte(strings.ReplaceAll(string(data), "SUBJECT", subject))
		body.Store(&data)
		profile, err := w.logIn(t)
		if err != nil {
			wantAnswer(t, err)
			return
		}
		if profile.Subject != subject || strings.Count(profile.VerifiedEmail, "@") > 1 {
			t.Fatalf("%+v", profile)
		}
	})
}

func FuzzKeys(f *testing.F) {
	w := newWorld(f, nil)
	for _, seed := range []string{
		`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`, `{"keys":[null]}`, `null`,
	} {
		f.Add([]byte(seed))
	}
	var body atomic.Pointer[[]byte]
	w.idp.Misbehave(answering(demoidp.Keys, "application/json", &body))
	f.Fuzz(func(t *testing.T, data []byte) {
		body.Store(&data)
		w.clock.Forward(usableFor)
		profile, err := w.logIn(t)
		if err == nil {
			t.Fatalf("logs in: %+v", profile)
		}
		wantAnswer(t, err)
	})
}
