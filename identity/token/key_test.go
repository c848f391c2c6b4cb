package token_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// The private keys of the tests, made once, as PKCS #8.
var (
	rsaPEM     = sync.OnceValue(func() []byte { return pkcs8(rsa.GenerateKey(rand.Reader, 2048)) })
	p256PEM    = sync.OnceValue(func() []byte { return pkcs8(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384PEM    = sync.OnceValue(func() []byte { return pkcs8(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	ed25519PEM = sync.OnceValue(func() []byte {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return pkcs8(key, err)
	})
)

func pkcs8[K any](key K, err error) []byte {
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return block("PRIVATE KEY", der)
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func privateKey(t testing.TB, text []byte) any {
	t.Helper()
	b, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// publicPEM returns the public half of a private key.
func publicPEM(t testing.TB, text []byte) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(privateKey(t, text).(crypto.Signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	return block("PUBLIC KEY", der)
}

func parse(t testing.TB, text []byte) token.Key {
	t.Helper()
	k, err := token.ParsePEM(text, "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		secret     string
		allowShort bool
		want       string // part of the error
	}{
		"32 bytes":           {strings.Repeat("s", 32), false, ""},
		"31 bytes":           {strings.Repeat("s", 31), false, "31 bytes and HS256 needs 32: use a longer one"},
		"31 bytes, allowed":  {strings.Repeat("s", 31), true, ""},
		"remedy":             {"supersecret", false, "allow_short_secret"},
		"empty":              {"", false, "empty"},
		"empty, allowed":     {"", true, "empty"},
		"public key":         {string(publicPEM(t, p256PEM())), false, "configure it as a key file"},
		"private key":        {string(p256PEM()), true, "configure it as a key file"},
		"bytes, not letters": {strings.Repeat("ß", 16), false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.NewSecret(identity.NewSecret(test.secret), test.allowShort)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
			if err != nil && test.secret != "" && strings.Contains(err.Error(), test.secret) {
				t.Errorf("the error quotes the secret: %v", err)
			}
		})
	}
}

func TestParsePEMRefuses(t *testing.T) {
	t.Parallel()
	ecdhKey, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1},
	})
	tests := map[string]struct {
		text []byte
		want string
	}{
		"empty":               {nil, "no PEM key"},
		"no PEM":              {[]byte("a secret"), "no PEM key"},
		"RSA of 1024 bits":    {pkcs8(rsa.GenerateKey(rand.Reader, 1024)), "1024 bits and RS256 needs 2048"},
		"P-521":               {pkcs8(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)), "curve P-521 is not supported"},
		"X25519":              {pkcs8(ecdhKey, nil), "not supported"},
		"certificate":         {block("CERTIFICATE", []byte{1}), `"CERTIFICATE" is neither`},
		"encrypted":           {block("ENCRYPTED PRIVATE KEY", []byte{1}), "decrypt it first"},
		"encrypted, old form": {encrypted, "decrypt it first"},
		"broken":              {block("PRIVATE KEY", []byte{1, 2, 3}), "parsing the PRIVATE KEY"},
		"two keys":            {bytes.Join([][]byte{p256PEM(), p384PEM()}, nil), "one key per file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.ParsePEM(test.text, "")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}
