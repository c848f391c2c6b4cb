package oidc_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

func TestLogIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	profile, err := w.logIn(t)
	if err != nil {
		t.Fatal(err)
	}
	if want := demoidp.Subject(w.idp.Issuer(), person); profile.Subject != want || profile.VerifiedEmail != person || profile.Fresh {
		t.Errorf("got %+v, want subject %s", profile, want)
	}
	const metadata = `{"name":"Ann Lee Example","email":"ann@example.com","given_name":"Ann Lee","family_name":"Example"}`
	if string(profile.UserMetadata) != metadata {
		t.Errorf("metadata %s, want %s", profile.UserMetadata, metadata)
	}
	if w.idp.Requests(demoidp.Discovery) != 1 || w.idp.Requests(demoidp.Keys) != 1 || w.idp.Requests(demoidp.UserInfo) != 0 {
		t.Error("the provider was asked more than once, or for what the ID token says")
	}
}

// What an ID token may claim, and what not. (attacks.md D8)
func TestIDToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	now := w.clock.Now()
	set := func(member string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[member] = value }
	}
	remove := func(member string) func(map[string]any) {
		return func(claims map[string]any) { delete(claims, member) }
	}
	for name, test := range map[string]struct {
		claims  func(map[string]any)
		signing demoidp.Signing
		reason  string // "": logs in
	}{
		"issuer of another tenant":     {claims: set("iss", w.idp.Issuer()+"/evil"), reason: "id_token_issuer"},
		"issuer with a slash":          {claims: set("iss", w.idp.Issuer()+"/"), reason: "id_token_issuer"},
		"issuer in another case":       {claims: set("iss", strings.ToUpper(w.idp.Issuer())), reason: "id_token_issuer"},
		"hostile issuer":               {claims: set("iss", hostile), reason: "id_token_issuer"},
		"no issuer":                    {claims: remove("iss"), reason: "id_token_issuer"},
		"null issuer":                  {claims: set("iss", nil), reason: "id_token_issuer"},
		"issuer as an array":           {claims: set("iss", []string{w.idp.Issuer()}), reason: "id_token_malformed"},
		"Google's issuer":              {claims: set("iss", "accounts.google.com"), reason: "id_token_issuer"},
		"audience as an array":         {claims: set("aud", []string{clientID})},
		"other audience":               {claims: set("aud", "evil"), reason: "id_token_audience"},
		"hostile audience":             {claims: set("aud", hostile), reason: "id_token_audience"},
		"audience as another array":    {claims: set("aud", []string{"evil"}), reason: "id_token_audience"},
		"part of the audience":         {claims: set("aud", clientID+"2"), reason: "id_token_audience"},
		"audience in another case":     {claims: set("aud", strings.ToUpper(clientID)), reason: "id_token_audience"},
		"audiences in one text":        {claims: set("aud", "evil "+clientID), reason: "id_token_audience"},
		"empty audience":               {claims: set("aud", []string{}), reason: "id_token_audience"},
		"no audience":                  {claims: remove("aud"), reason: "id_token_audience"},
		"audience as an object":        {claims: set("aud", map[string]any{clientID: true}), reason: "id_token_malformed"},
		"several audiences":            {claims: set("aud", []string{"other", clientID}), reason: "id_token_azp"},
		"several, own azp":             {claims: both(set("aud", []string{"other", clientID}), set("azp", clientID))},
		"several, other azp":           {claims: both(set("aud", []string{clientID, "other"}), set("azp", "other")), reason: "id_token_azp"},
		"other audience, own azp":      {claims: both(set("aud", "other"), set("azp", clientID)), reason: "id_token_audience"},
		"own azp":                      {claims: set("azp", clientID)},
		"other azp":                    {claims: set("azp", "evil"), reason: "id_token_azp"},
		"null azp":                     {claims: set("azp", nil), reason: "id_token_azp"},
		"empty azp":                    {claims: set("azp", ""), reason: "id_token_azp"},
		"azp as an array":              {claims: set("azp", []string{clientID}), reason: "id_token_azp"},
		"no nonce":                     {claims: remove("nonce"), reason: "id_token_nonce"},
		"null nonce":                   {claims: set("nonce", nil), reason: "id_token_nonce"},
		"empty nonce":                  {claims: set("nonce", ""), reason: "id_token_nonce"},
		"old nonce":                    {claims: set("nonce", strings.Repeat("o", 43)), reason: "id_token_nonce"},
		"beginning of the nonce":       {claims: set("nonce", strings.Repeat("n", 42)), reason: "id_token_nonce"},
		"nonce as an array":            {claims: set("nonce", []string{newAttempt().Nonce}), reason: "id_token_malformed"},
		"expired":                      {claims: set("exp", now.Add(-time.Second).Unix()), reason: "id_token_expired"},
		"expires now":                  {claims: set("exp", now.Unix()), reason: "id_token_expired"},
		"expires soon":                 {claims: set("exp", now.Add(time.Second).Unix())},
		"no expiry":                    {claims: remove("exp"), reason: "id_token_expired"},
		"null expiry":                  {claims: set("exp", nil), reason: "id_token_malformed"},
		"expiry as a text":             {claims: set("exp", "tomorrow"), reason: "id_token_malformed"},
		"expiry with a fraction":       {claims: set("exp", float64(now.Unix())+2.5)},
		"expired long ago":             {claims: set("exp", 0), reason: "id_token_expired"},
		"issued in the future":         {claims: set("iat", now.Add(2*time.Minute).Unix()), reason: "id_token_future"},
		"issued by a clock ahead":      {claims: set("iat", now.Add(50*time.Second).Unix())},
		"issued long ago":              {claims: set("iat", now.Add(-16*time.Minute).Unix()), reason: "id_token_old"},
		"issued when it was begun":     {claims: set("iat", now.Add(-14*time.Minute).Unix())},
		"no time of issue":             {claims: remove("iat"), reason: "id_token_issued_at"},
		"time of issue as a text":      {claims: set("iat", "now"), reason: "id_token_malformed"},
		"wrong at_hash":                {claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), reason: "id_token_at_hash"},
		"no at_hash":                   {claims: remove("at_hash")},
		"no subject":                   {claims: remove("sub"), reason: "id_token_subject"},
		"empty subject":                {claims: set("sub", ""), reason: "id_token_subject"},
		"null subject":                 {claims: set("sub", nil), reason: "id_token_subject"},
		"subject as a number":          {claims: set("sub", 1), reason: "id_token_malformed"},
		"claims from elsewhere":        {claims: set("_claim_names", map[string]string{"email": "evil"}), reason: "id_token_malformed"},
		"unsigned":                     {signing: demoidp.Unsigned, reason: "id_token_algorithm"},
		"HS256 with the public key":    {signing: demoidp.WithPublicKey, reason: "id_token_algorithm"},
		"another key":                  {signing: demoidp.WithOtherKey, reason: "id_token_signature"},
		"a key that is not published":  {signing: demoidp.WithUnknownKey, reason: "id_token_key"},
		"another key, another subject": {claims: set("sub", "victim"), signing: demoidp.WithOtherKey, reason: "id_token_signature"},
	} {
		t.Run(name, func(t *testing.T) {
			w.idp.Misbehave(demoidp.Faults{Claims: test.claims, Signing: test.signing})
			profile, err := w.logIn(t)
			if test.reason == "" {
				if err != nil || profile.Subject == "" {
					t.Errorf("got %+v, %v", profile, err)
				}
				return
			}
			wantRefusal(t, err, identity.CodeUnauthorized, test.reason, "Authentication failed")
			if profile.Subject != "" {
				t.Errorf("refused, and yet %+v", profile)
			}
		})
	}
	if strings.Contains(w.log.String(), hostile) {
		t.Error("the log holds what the provider said")
	}
}

func both(changes ...func(map[string]any)) func(map[string]any) {
	return func(claims map[string]any) {
		for _, change := range changes {
			change(claims)
		}
	}
}

// Token answers that hold no ID token, or something that only looks like one.
func TestIDTokenForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, test := range map[string]struct {
		idToken any
		reason  string
	}{
		"missing":         {nil, "id_token_missing"},
		"empty":           {"", "id_token_missing"},
		"number":          {1, "id_token_missing"},
		"no token":        {hostile, "id_token_malformed"},
		"two parts":       {"e30.e30", "id_token_malformed"},
		"three dots":      {"e30.e30.e30.e30", "id_token_malformed"},
		"five parts, JWE": {"e30.e30.e30.e30.e30", "id_token_malformed"},
		"empty header":    {"e30.e30.e30", "id_token_algorithm"},
		"JSON form":       {`{"payload":"e30","signatures":[{"protected":"e30","signature":"e30"}]}`, "id_token_malformed"},
		"only dots":       {"..", "id_token_algorithm"},
	} {
		t.Run(name, func(t *testing.T) {
			w.idp.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
				if e != demoidp.Token {
					return false
				}
				r.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(r).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": test.idToken})
				return true
			}})
			_, err := w.logIn(t)
			wantRefusal(t, err, identity.CodeUnauthorized, test.reason, "Authentication failed")
		})
	}
}
