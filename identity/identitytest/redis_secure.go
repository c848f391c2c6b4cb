//go:build unix

package identitytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The user and password of a server that StartRedisACL started.
const (
	RedisUser     = "shop"
	RedisPassword = "a password of the test"
)

// StartRedisTLS starts a redis-server that speaks TLS only, as 127.0.0.1, and
// returns it with the file of the authority that signed its certificate. It
// wants no certificate of its clients. args are as with StartRedis.
func StartRedisTLS(t testing.TB, args ...string) (r *Redis, caFile string) {
	t.Helper()
	certFile, keyFile, pool := selfSigned(t)
	args = slices.Concat([]string{
		"--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile, "--tls-auth-clients", "no",
	}, args)
	return startRedis(t, FreePort(t), access{tls: &tls.Config{RootCAs: pool}}, args...), certFile
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority.
func selfSigned(t testing.TB) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis of a test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "redis.pem"), filepath.Join(folder, "redis.key")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(certificate)
	return certFile, keyFile, pool
}

// StartRedisACL starts a redis-server with one user who may do what the rules,
// separated by spaces, say, and nobody else may do anything. Ask is that user.
// args are as with StartRedis.
func StartRedisACL(t testing.TB, rules string, args ...string) *Redis {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.acl")
	// Its hash, since a password in the file must have no spaces.
	sum := sha256.Sum256([]byte(RedisPassword))
	text := "user default off\nuser " + RedisUser + " on #" + hex.EncodeToString(sum[:]) + " " + strings.TrimSpace(rules) + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return startRedis(t, FreePort(t), access{user: RedisUser, password: RedisPassword}, slices.Concat([]string{"--aclfile", file}, args)...)
}
