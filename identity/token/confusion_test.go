package token_test

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// TestForgedHeaders is attack E1: a header cannot choose the algorithm, bring
// the key or say where it is. Every payload is acceptable.
func TestForgedHeaders(t *testing.T) {
	t.Parallel()
	attackerPEM := ed25519PEM()
	rsaText := rsaPEM()
	rsaPublic := string(publicPEM(t, rsaText))
	hs := secretRing(t, secret)
	rs := newRing(t, token.Config{Keys: []token.Key{parse(t, rsaText)}})
	both := newRing(t, token.Config{Keys: []token.Key{parse(t, rsaText), secretKey(t, secret)}})

	hmacWith := func(header, key string) string { return compact(header, validPayload, key) }
	unsigned := func(header string) string { return encode(header) + "." + encode(validPayload) + "." }
	tests := map[string]struct {
		ring   *token.Ring
		raw    string
		reason string
	}{
		"none":                           {hs, unsigned(`{"alg":"none","typ":"JWT"}`), "token_algorithm"},
		"None":                           {hs, unsigned(`{"alg":"None","typ":"JWT"}`), "token_algorithm"},
		"nOnE with a signature":          {hs, hmacWith(`{"alg":"nOnE"}`, secret), "token_algorithm"},
		"none, asymmetric":               {rs, unsigned(`{"alg":"none","typ":"JWT"}`), "token_algorithm"},
		"no alg":                         {hs, hmacWith(`{"typ":"JWT"}`, secret), "token_algorithm"},
		"empty alg":                      {hs, hmacWith(`{"alg":""}`, secret), "token_algorithm"},
		"null alg":                       {hs, hmacWith(`{"alg":null}`, secret), "token_algorithm"},
		"number for alg":                 {hs, hmacWith(`{"alg":256}`, secret), "token_algorithm"},
		"list of algs":                   {hs, hmacWith(`{"alg":["HS256"]}`, secret), "token_algorithm"},
		"alg in other case":              {hs, hmacWith(`{"alg":"hs256"}`, secret), "token_algorithm"},
		"name in other case":             {hs, hmacWith(`{"ALG":"HS256"}`, secret), "token_algorithm"},
		"HS384 with the right secret":    {hs, signed(t, jwt.SigningMethodHS384, []byte(secret), `{"alg":"HS384","typ":"JWT"}`, validPayload), "token_algorithm"},
		"HS512 with the right secret":    {hs, signed(t, jwt.SigningMethodHS512, []byte(secret), `{"alg":"HS512","typ":"JWT"}`, validPayload), "token_algorithm"},
		"HS512 that says HS256":          {hs, signed(t, jwt.SigningMethodHS512, []byte(secret), plainHeader, validPayload), "token_signature"},
		"cut MAC":                        {hs, hmacWith(plainHeader, secret)[:len(hmacWith(plainHeader, secret))-3], "token_signature"},
		"no MAC":                         {hs, unsigned(plainHeader), "token_signature"},
		"empty secret":                   {hs, hmacWith(plainHeader, ""), "token_signature"},
		"HS256 with the public key":      {rs, hmacWith(plainHeader, rsaPublic), "token_algorithm"},
		"the same, ring has a secret":    {both, hmacWith(plainHeader, rsaPublic), "token_signature"},
		"the same, without line break":   {both, hmacWith(plainHeader, strings.TrimSpace(rsaPublic)), "token_signature"},
		"RS256 header, HMAC inside":      {both, hmacWith(`{"alg":"RS256","typ":"JWT"}`, secret), "token_signature"},
		"PS256 with our RSA key":         {rs, signed(t, jwt.SigningMethodPS256, privateKey(t, rsaText), `{"alg":"PS256"}`, validPayload), "token_algorithm"},
		"RS512 with our RSA key":         {rs, signed(t, jwt.SigningMethodRS512, privateKey(t, rsaText), `{"alg":"RS512"}`, validPayload), "token_algorithm"},
		"EdDSA of another key":           {rs, signed(t, jwt.SigningMethodEdDSA, privateKey(t, attackerPEM), `{"alg":"EdDSA"}`, validPayload), "token_algorithm"},
		"crit":                           {hs, hmacWith(`{"alg":"HS256","crit":["exp"]}`, secret), "token_header"},
		"crit with b64":                  {hs, hmacWith(`{"alg":"HS256","b64":false,"crit":["b64"]}`, secret), "token_header"},
		"empty crit":                     {hs, hmacWith(`{"alg":"HS256","crit":[]}`, secret), "token_header"},
		"null crit":                      {hs, hmacWith(`{"alg":"HS256","crit":null}`, secret), "token_header"},
		"jku":                            {hs, hmacWith(`{"alg":"HS256","jku":"http://127.0.0.1:1/keys"}`, secret), "token_header"},
		"x5u":                            {hs, hmacWith(`{"alg":"HS256","x5u":"http://127.0.0.1:1/cert"}`, secret), "token_header"},
		"x5c":                            {hs, hmacWith(`{"alg":"HS256","x5c":["AAAA"]}`, secret), "token_header"},
		"jwk with its own secret":        {hs, hmacWith(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`, "\x00\x00\x00"), "token_header"},
		"escaped name of crit":           {hs, hmacWith(`{"alg":"HS256","cr\u0069t":["x"]}`, secret), "token_header"},
		"kid is a path":                  {hs, hmacWith(`{"alg":"HS256","kid":"../../../dev/null"}`, ""), "token_signature"},
		"kid is a path, asymmetric":      {rs, hmacWith(`{"alg":"RS256","kid":"/dev/null"}`, ""), "token_signature"},
		"kid is SQL":                     {rs, hmacWith(`{"alg":"RS256","kid":"' UNION SELECT 'k"}`, "k"), "token_signature"},
		"kid is a URL":                   {rs, hmacWith(`{"alg":"RS256","kid":"http://127.0.0.1:1/"}`, ""), "token_signature"},
		"kid with a secret is ignored":   {hs, hmacWith(`{"alg":"HS256","typ":"JWT","kid":"any"}`, secret), ""},
		"other order of the header":      {hs, hmacWith(`{ "typ": "jwt", "alg": "HS256" }`, secret), ""},
		"other kind of token":            {hs, hmacWith(`{"alg":"HS256","typ":"logout+jwt"}`, secret), "token_header"},
		"typ is a number":                {hs, hmacWith(`{"alg":"HS256","typ":1}`, secret), "token_malformed"},
		"header is an array":             {hs, hmacWith(`[]`, secret), "token_malformed"},
		"header is null":                 {hs, hmacWith(`null`, secret), "token_malformed"},
		"header is empty":                {hs, hmacWith(``, secret), "token_malformed"},
		"header is not JSON":             {hs, hmacWith(`{"alg":"HS256"`, secret), "token_malformed"},
		"two values after one another":   {hs, hmacWith(`{"alg":"HS256"}{}`, secret), "token_malformed"},
		"signed by ourselves, unchanged": {hs, hmacWith(plainHeader, secret), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.ring.ParseAccess(test.raw)
			wantReason(t, err, test.reason)
			if test.reason == "" {
				test.reason = "token_purpose"
			}
			_, err = test.ring.ParseReset(test.raw)
			wantReason(t, err, test.reason)
		})
	}
}

// TestSignatureFirst is attack E2: whatever else is wrong with a token, a bad
// signature is what counts, and nothing of its payload is looked at.
func TestSignatureFirst(t *testing.T) {
	t.Parallel()
	ring := secretRing(t, secret)
	payloads := map[string]struct{ payload, reason string }{ // reason when signed well
		"valid":           {validPayload, ""},
		"expired":         {`{"actor_type":"customer","exp":1}`, "token_expired"},
		"not yet valid":   {`{"actor_type":"customer","exp":1795366461,"nbf":1795366460}`, "token_not_yet_valid"},
		"expired, no nbf": {`{"actor_type":"customer","exp":1,"nbf":1795366460}`, "token_expired"},
		"without exp":     {`{"actor_type":"customer"}`, "token_claims"},
		"reset":           {`{"purpose":"reset","exp":1}`, "token_purpose"},
		"not JSON":        {`{"actor_type":`, "token_malformed"},
		"deep":            {strings.Repeat("[", 9000), "token_malformed"},
		"array":           {`[]`, "token_malformed"},
		"null":            {`null`, "token_malformed"},
		"empty":           {``, "token_malformed"},
	}
	for name, test := range payloads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ring.ParseAccess(compact(plainHeader, test.payload, secret))
			wantReason(t, err, test.reason)
			forged := compact(plainHeader, test.payload, previous)
			_, err = ring.ParseAccess(forged)
			wantReason(t, err, "token_signature")
			_, err = ring.ParseReset(forged)
			wantReason(t, err, "token_signature")
		})
	}
}

// TestPurposeMatrix is attack E3 as far as signed tokens and their look-alikes
// go: what passes as one kind never passes as another.
func TestPurposeMatrix(t *testing.T) {
	t.Parallel()
	ring := secretRing(t, secret)
	pending, registered := customer(), customer()
	pending.ActorID, pending.MFAEnabled = "", true
	registered.ActorID, registered.AppMetadata = "", nil
	reset, err := ring.Reset(resetClaims())
	if err != nil {
		t.Fatal(err)
	}
	payload := func(text string) string { return compact(plainHeader, text, secret) }
	const times = `"iat":1795280061,"exp":1795366461`
	tests := map[string]struct{ raw, access, reset string }{
		"access":                      {access(t, ring, customer()), "", "token_purpose"},
		"registration":                {access(t, ring, registered), "", "token_purpose"}, // an access token without actor
		"MFA pending":                 {access(t, ring, pending), "", "token_purpose"},    // the same, judged by its claims
		"reset":                       {reset.Reveal(), "token_purpose", ""},
		"reset without purpose":       {payload(`{"entity_id":"a@example.com","provider":"emailpass","actor_type":"customer","jti":"1",` + times + `}`), "token_purpose", "token_purpose"},
		"reset of 2.0":                {payload(`{"entity_id":"a@example.com","provider":"emailpass",` + times + `}`), "token_claims", "token_purpose"},
		"access with purpose":         {payload(`{"actor_id":"cus_1","actor_type":"customer","purpose":"access",` + times + `}`), "token_purpose", "token_purpose"},
		"access with null purpose":    {payload(`{"actor_id":"cus_1","actor_type":"customer","purpose":null,` + times + `}`), "token_purpose", "token_purpose"},
		"both at once":                {payload(`{"actor_id":"cus_1","actor_type":"customer","purpose":"reset","entity_id":"a","provider":"emailpass","jti":"1",` + times + `}`), "token_purpose", ""},
		"purpose in other case":       {payload(`{"PURPOSE":"reset","entity_id":"a","provider":"emailpass","actor_type":"customer","jti":"1",` + times + `}`), "token_purpose", "token_purpose"},
		"purpose twice, last counts":  {payload(`{"purpose":"reset","purpose":"other","entity_id":"a","provider":"emailpass","actor_type":"customer","jti":"1",` + times + `}`), "token_purpose", "token_purpose"},
		"purpose in a list":           {payload(`{"purpose":["reset"],"entity_id":"a","provider":"emailpass","actor_type":"customer","jti":"1",` + times + `}`), "token_purpose", "token_purpose"},
		"verification":                {payload(`{"actor_type":"customer","purpose":"verification","entity_id":"a","jti":"1",` + times + `}`), "token_purpose", "token_purpose"},
		"invite":                      {payload(`{"id":"invite_1","email":"a@example.com","jti":"1",` + times + `}`), "token_claims", "token_purpose"},
		"id_token of a third party":   {payload(`{"iss":"https://accounts.google.com","aud":"shop","sub":"1","email":"a@example.com",` + times + `}`), "token_claims", "token_purpose"},
		"OAuth state":                 {strings.Repeat("0f", 32), "token_malformed", "token_malformed"},
		"verification code":           {strings.Repeat("Aa-_", 10), "token_malformed", "token_malformed"},
		"API key":                     {"sk_" + strings.Repeat("0f", 32), "token_malformed", "token_malformed"},
		"session id":                  {"nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD", "token_malformed", "token_malformed"},
		"session cookie":              {"s:nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD.zZB8ZKmWGwclyQZCOKS+Qoqcer9cKva4Lvjs1bOAWhU", "token_malformed", "token_malformed"},
		"refresh token of our making": {payload(`{"actor_type":"customer","purpose":"refresh",` + times + `}`), "token_purpose", "token_purpose"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ring.ParseAccess(test.raw)
			wantReason(t, err, test.access)
			_, err = ring.ParseReset(test.raw)
			wantReason(t, err, test.reset)
		})
	}
}

// TestOneSpelling: a token has one spelling, so that a cache or a deny list
// keyed by it cannot be walked around.
func TestOneSpelling(t *testing.T) {
	t.Parallel()
	ring := secretRing(t, secret)
	raw := access(t, ring, customer())
	last := raw[len(raw)-1]
	// The last of 43 characters carries four bits; the other two must be zero.
	sloppy := raw[:len(raw)-1] + string(rune(last+1))
	for name, test := range map[string]struct{ raw, reason string }{
		"as minted":             {raw, ""},
		"padded":                {raw + "=", "token_malformed"},
		"unused bits":           {sloppy, "token_malformed"},
		"line break at the end": {raw + "\n", "token_malformed"},
		"line break inside":     {raw[:len(raw)-9] + "\r\n" + raw[len(raw)-9:], "token_malformed"},
		"space":                 {raw + " ", "token_malformed"},
		"four parts":            {raw + ".", "token_malformed"},
		"two parts":             {raw[:strings.LastIndexByte(raw, '.')], "token_malformed"},
		"empty":                 {"", "token_malformed"},
		"dots":                  {"..", "token_malformed"},
		"standard alphabet":     {strings.NewReplacer("-", "+", "_", "/").Replace(compact(plainHeader, validPayload+strings.Repeat(" ", 40), secret)) + "/", "token_malformed"},
		"too long":              {raw + strings.Repeat("A", token.MaxLength+1-len(raw)), "token_too_long"},
		"just long enough":      {raw + strings.Repeat("A", token.MaxLength-len(raw)), "token_signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ring.ParseAccess(test.raw)
			wantReason(t, err, test.reason)
		})
	}
}
