package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

func ecPEM(t testing.TB, text []byte) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(privateKey(t, text).(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return block("EC PRIVATE KEY", der)
}

// TestAlgorithms mints and verifies with every kind of key in every form, and
// verifies with the public half alone.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	rsaKey := privateKey(t, rsaPEM()).(*rsa.PrivateKey)
	pkcs1 := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))
	pkcs1Public := block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey))
	parameters := append(block("EC PARAMETERS", []byte{6, 1, 0}), ecPEM(t, p256PEM())...)
	tests := map[string]struct {
		private, public []byte
		algorithm       string
	}{
		"RSA, PKCS 8":                 {rsaPEM(), publicPEM(t, rsaPEM()), "RS256"},
		"RSA, PKCS 1":                 {pkcs1, pkcs1Public, "RS256"},
		"P-256, PKCS 8":               {p256PEM(), publicPEM(t, p256PEM()), "ES256"},
		"P-256, SEC 1":                {ecPEM(t, p256PEM()), publicPEM(t, p256PEM()), "ES256"},
		"P-256, SEC 1 and parameters": {parameters, publicPEM(t, p256PEM()), "ES256"},
		"P-384, PKCS 8":               {p384PEM(), publicPEM(t, p384PEM()), "ES384"},
		"P-384, SEC 1":                {ecPEM(t, p384PEM()), publicPEM(t, p384PEM()), "ES384"},
		"Ed25519, PKCS 8":             {ed25519PEM(), publicPEM(t, ed25519PEM()), "EdDSA"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const kid = `2026 "nov" <1>`
			private, err := token.ParsePEM(test.private, kid)
			if err != nil {
				t.Fatal(err)
			}
			public, err := token.ParsePEM(test.public, kid)
			if err != nil {
				t.Fatal(err)
			}
			signing := newRing(t, token.Config{Keys: []token.Key{private}})
			checking := newRing(t, token.Config{Keys: []token.Key{secretKey(t, secret), public}})

			raw := access(t, signing, customer())
			header := decode(t, strings.Split(raw, ".")[0])
			if want := fmt.Sprintf(`{"alg":"%s","typ":"JWT","kid":"2026 \"nov\" <1>"}`, test.algorithm); header != want {
				t.Errorf("got header %s, want %s", header, want)
			}
			reset, err := signing.Reset(resetClaims())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range []*token.Ring{signing, checking} {
				c, err := r.ParseAccess(raw)
				if err != nil || c.ActorID != customer().ActorID {
					t.Errorf("got claims %+v, error %v", c, err)
				}
				if _, err := r.ParseReset(reset.Reveal()); err != nil {
					t.Error(err)
				}
				_, err = r.ParseAccess(tampered(raw))
				wantReason(t, err, "token_signature")
			}
		})
	}
}

// tampered changes the payload and keeps the signature.
func tampered(raw string) string {
	parts := strings.Split(raw, ".")
	parts[1] = encode(`{"actor_id":"user_1","actor_type":"user","exp":9999999999}`)
	return strings.Join(parts, ".")
}

// TestKeyID: the kid selects among our own keys. Without one, as in tokens that
// Medusa signs, every key of the algorithm is tried.
func TestKeyID(t *testing.T) {
	t.Parallel()
	firstPEM, secondPEM := p256PEM(), pkcs8(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	first, err := token.ParsePEM(firstPEM, "first")
	if err != nil {
		t.Fatal(err)
	}
	second, err := token.ParsePEM(secondPEM, "second")
	if err != nil {
		t.Fatal(err)
	}
	ring := newRing(t, token.Config{Keys: []token.Key{first, second, parse(t, ed25519PEM())}})
	for name, test := range map[string]struct {
		header string
		key    []byte
		reason string
	}{
		"no kid, first key":    {`{"alg":"ES256","typ":"JWT"}`, firstPEM, ""},
		"no kid, second key":   {`{"alg":"ES256","typ":"JWT"}`, secondPEM, ""},
		"null kid":             {`{"alg":"ES256","kid":null}`, secondPEM, ""},
		"kid of the key":       {`{"kid":"second","alg":"ES256"}`, secondPEM, ""},
		"kid of the other key": {`{"kid":"first","alg":"ES256"}`, secondPEM, "token_signature"},
		"unknown kid":          {`{"kid":"third","alg":"ES256"}`, secondPEM, "token_signature"},
		"kid of another alg":   {`{"kid":"second","alg":"EdDSA"}`, secondPEM, "token_signature"},
		"kid is a number":      {`{"kid":2,"alg":"ES256"}`, secondPEM, "token_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := signed(t, jwt.SigningMethodES256, privateKey(t, test.key), test.header, validPayload)
			_, err := ring.ParseAccess(raw)
			wantReason(t, err, test.reason)
		})
	}
}

// TestJWKS checks the set against the members that RFC 7517 asks for and the
// thumbprints against the examples of RFC 7638, section 3.1, and RFC 8037,
// appendix A.3.
func TestJWKS(t *testing.T) {
	t.Parallel()
	if got := string(secretRing(t, secret, previous).JWKS()); got != `{"keys":[]}` {
		t.Errorf("got %s for secrets alone", got)
	}
	keys := []token.Key{secretKey(t, secret)}
	for _, name := range []string{"testdata/rfc7638.pem", "testdata/rfc8037.pem"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, parse(t, text))
	}
	keys = append(keys, parse(t, p256PEM()), parse(t, p384PEM()))
	ring := newRing(t, token.Config{Keys: keys})
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(ring.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 4 {
		t.Fatalf("got %d keys: %s", len(set.Keys), ring.JWKS())
	}
	want := []map[string]string{
		{"kty": "RSA", "alg": "RS256", "e": "AQAB", "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"kty": "OKP", "alg": "EdDSA", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"kty": "EC", "alg": "ES256", "crv": "P-256"},
		{"kty": "EC", "alg": "ES384", "crv": "P-384"},
	}
	for n, members := range want {
		for name, value := range members {
			if got := set.Keys[n][name]; got != value {
				t.Errorf("key %d: got %s %q, want %q", n, name, got, value)
			}
		}
		if got := set.Keys[n]["use"]; got != "sig" {
			t.Errorf("key %d: got use %q", n, got)
		}
		for _, name := range []string{"d", "p", "q", "k"} {
			if _, ok := set.Keys[n][name]; ok {
				t.Errorf("key %d shows the private member %s", n, name)
			}
		}
	}
	for n, size := range map[int]int{2: 43, 3: 64} { // coordinates have their full length
		if x, y := set.Keys[n]["x"], set.Keys[n]["y"]; len(x) != size || len(y) != size {
			t.Errorf("key %d: got coordinates %q, %q", n, x, y)
		}
	}
	ring.JWKS()[0] = 'x'
	if ring.JWKS()[0] != '{' {
		t.Error("a caller can change the set")
	}
}

var _ identity.ResetTokens = (*token.Ring)(nil)
