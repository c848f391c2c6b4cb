package token_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

const (
	secret   = "an HS256 secret of 34 bytes length"
	previous = "the secret that was used last year"
)

// now is the time of all tests that do not set another.
var now = time.Unix(1795280061, 500e6)

func clock() time.Time { return now }

func secretKey(t testing.TB, text string) token.Key {
	t.Helper()
	k, err := token.NewSecret(identity.NewSecret(text), true)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newRing(t testing.TB, c token.Config) *token.Ring {
	t.Helper()
	if c.Clock == nil {
		c.Clock = clock
	}
	r, err := token.NewRing(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func secretRing(t testing.TB, texts ...string) *token.Ring {
	t.Helper()
	var c token.Config
	for _, text := range texts {
		c.Keys = append(c.Keys, secretKey(t, text))
	}
	return newRing(t, c)
}

// compact signs any header and payload with HMAC-SHA256.
func compact(header, payload, key string) string {
	signed := encode(header) + "." + encode(payload)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + encode(string(mac.Sum(nil)))
}

// signed signs any header and payload with any method.
func signed(t testing.TB, method jwt.SigningMethod, key any, header, payload string) string {
	t.Helper()
	text := encode(header) + "." + encode(payload)
	mac, err := method.Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(string(mac))
}

// validPayload is the least that an access token needs.
const validPayload = `{"actor_type":"customer","exp":1795366461}`

const plainHeader = `{"alg":"HS256","typ":"JWT"}`

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t testing.TB, part string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// customer are the claims of a customer that logged in now.
func customer() identity.Claims {
	return identity.Claims{
		ActorID: "cus_01M7ZGFXGPG36TS347VNFWCBA0", ActorType: "customer",
		IdentityID: "authid_01M7ZGFXCPEBDV33HJKCJAF3EE", Provider: "emailpass",
		AppMetadata: identity.Metadata{"customer_id": json.RawMessage(`"cus_01M7ZGFXGPG36TS347VNFWCBA0"`)},
		IssuedAt:    now.Unix(), ExpiresAt: now.Unix() + 86400,
	}
}

func access(t testing.TB, r *token.Ring, c identity.Claims) string {
	t.Helper()
	raw, err := r.Access(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// wantReason checks that err refuses a token for that reason; "" wants no error.
func wantReason(t testing.TB, err error, reason string) {
	t.Helper()
	if reason == "" {
		if err != nil {
			t.Errorf("got error %v (%s)", err, identity.ReasonOf(err))
		}
		return
	}
	if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != reason {
		t.Errorf("got code %q, reason %q (%v), want unauthorized, %q", identity.CodeOf(err), identity.ReasonOf(err), err, reason)
	}
}

func TestNewRing(t *testing.T) {
	t.Parallel()
	rsaKey, public := parse(t, rsaPEM()), parse(t, publicPEM(t, rsaPEM()))
	tests := map[string]struct {
		config token.Config
		want   string // part of the error
	}{
		"no keys":            {token.Config{}, "at least one key"},
		"zero key":           {token.Config{Keys: []token.Key{secretKey(t, secret), {}}}, "key 2: not made by"},
		"public key first":   {token.Config{Keys: []token.Key{public, secretKey(t, secret)}}, "cannot be a public key"},
		"same kid":           {token.Config{Keys: []token.Key{rsaKey, public}}, "key 2: another key has the kid"},
		"negative leeway":    {token.Config{Keys: []token.Key{secretKey(t, secret)}, Leeway: -time.Second}, "negative"},
		"public key to keep": {token.Config{Keys: []token.Key{secretKey(t, secret), public}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.NewRing(test.config)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestDefaultClock(t *testing.T) {
	t.Parallel()
	r, err := token.NewRing(token.Config{Keys: []token.Key{secretKey(t, secret)}})
	if err != nil {
		t.Fatal(err)
	}
	c := customer()
	c.IssuedAt, c.ExpiresAt = time.Now().Unix(), time.Now().Add(time.Hour).Unix()
	if _, err := r.ParseAccess(access(t, r, c)); err != nil {
		t.Error(err)
	}
	c.ExpiresAt = time.Now().Add(-time.Hour).Unix()
	_, err = r.ParseAccess(access(t, r, c))
	wantReason(t, err, "token_expired")
}

func TestPreviousSecrets(t *testing.T) {
	t.Parallel()
	old, rotated := secretRing(t, previous), secretRing(t, secret, previous)
	raw := access(t, old, customer())
	if _, err := rotated.ParseAccess(raw); err != nil {
		t.Errorf("token of the previous secret: %v", err)
	}
	_, err := secretRing(t, secret).ParseAccess(raw)
	wantReason(t, err, "token_signature")
	_, err = old.ParseAccess(access(t, rotated, customer())) // the first key signs
	wantReason(t, err, "token_signature")
}

func TestKeysDoNotPrint(t *testing.T) {
	t.Parallel()
	k := secretKey(t, secret)
	r := secretRing(t, secret)
	seed := privateKey(t, ed25519PEM()).(ed25519.PrivateKey).Seed()
	ed := parse(t, ed25519PEM())
	holder := struct{ key, ed token.Key }{k, ed} // fmt calls no methods of unexported fields
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{k, &k, ed, r, *r, holder, []token.Key{k, ed}} {
			text := fmt.Sprintf(format, value)
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) ||
				strings.Contains(text, strings.Trim(fmt.Sprint([]byte(secret)), "[]")) ||
				strings.Contains(text, strings.Trim(fmt.Sprint(seed), "[]")) || strings.Contains(text, fmt.Sprintf("%x", seed)) {
				t.Errorf("%s of %T shows a key: %s", format, value, text)
			}
		}
	}
	if got := fmt.Sprint(k); got != "HS256 [redacted]" {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(parse(t, ed25519PEM())); !strings.HasPrefix(got, "EdDSA ") {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(token.Key{}); got != "no key" {
		t.Errorf("got %q", got)
	}
}
