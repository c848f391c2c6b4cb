package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Whoever moves over has the hash here that the realm is configured for, whatever
// Medusa had: its own is scrypt with an exponent of 1.
func TestV1MovesOverToAStrongHash(t *testing.T) {
	for name, test := range map[string]struct{ option, hash string }{
		"by default": {"", "$argon2id$v=19$m=19456,t=2,p=1$"},
		"argon2id":   {"{\nhash argon2id\n}", "$argon2id$v=19$m=19456,t=2,p=1$"},
		"scrypt":     {"{\nhash scrypt\n}", "c2NyeXB0AA8AAAAIAAAAA"}, // "scrypt", 0, 15, 8, then 1: Medusa v2's
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TEST_MEDUSA_SECRET", medusaSecret)
			m := identitytest.NewMedusaV1(t, medusaSecret)
			m.Customer(v1Customer, v1CustomerPass)
			m.User(v1Staff, v1StaffPass)
			redis := identitytest.StartRedis(t)
			s := &v1Shop{medusa: m, shop: open(t, config{
				Redis: redis.URL() + patient,
				Realm: "provider emailpass " + test.option,
				Site: "auth_sidecar {\ndialect v1 v2\nbackend medusa_v1 " + m.Server.URL + " {\n" + ownSecret + "\n}\n}\nreverse_proxy " +
					strings.TrimPrefix(m.Server.URL, "http://"),
			})}
			moved := func(path, email, pass string) {
				t.Helper()
				before := hashes(t, redis)
				wantStatus(t, s.send(t, "POST", path, credentials(email, pass)), http.StatusOK)
				after := hashes(t, redis)
				if len(after) != len(before)+1 {
					t.Fatalf("%s: there were %d hashes, now %d", email, len(before), len(after))
				}
				for id, hash := range after {
					if before[id] == "" && !strings.HasPrefix(hash, test.hash) {
						t.Errorf("%s has the hash %.40q…, want %q…", email, hash, test.hash)
					}
				}
				wantStatus(t, s.send(t, "POST", path, credentials(email, pass)), http.StatusOK)
				s.refusesLogin(t, "customer", email, pass+"x")
			}
			moved("/store/auth/token", v1Customer, v1CustomerPass)
			moved("/admin/auth/token", v1Staff, v1StaffPass)
		})
	}
}

// hashes returns what stands for the passwords of all identities, by key.
func hashes(t testing.TB, redis *identitytest.Redis) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, key := range redis.MustAsk("KEYS", "auth:id:{*}").([]any) {
		record, ok := redis.MustAsk("HGET", key, "pi:emailpass").(string)
		if !ok {
			t.Fatalf("%s has no password", key)
		}
		_, rest, _ := strings.Cut(record, `"credential":"`)
		found[key.(string)], _, _ = strings.Cut(rest, `"`)
	}
	return found
}
