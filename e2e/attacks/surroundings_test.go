//go:build unix

package attacks

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"
)

// What is limited by client is limited by the address that Caddy resolved: no field
// of the client's makes it somebody else (attack C1), and behind a trusted proxy
// each of its clients counts for itself (C4).
func TestClientAddress(t *testing.T) {
	s := openShop(t)
	const route, least = "/auth/customer/people", 25 // starts at a third party; 20 at once are allowed
	spoofed := []string{"X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "Forwarded", "X-Cluster-Client-IP", "Fastly-Client-IP"}
	refused := func(host string, fields func(n int) []string) (count int) {
		t.Helper()
		for n := range least {
			if a := s.call(t, host, "POST", route, "", fields(n)...); a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests {
				count++
				if a.header.Get("Retry-After") == "" {
					t.Errorf("no Retry-After: %v", a.header)
				}
			} else if a.status != http.StatusOK {
				t.Fatalf("got %d %s", a.status, a.body)
			}
		}
		return count
	}
	if refused("shop.test", func(n int) (fields []string) {
		for _, name := range spoofed {
			fields = append(fields, name, fmt.Sprintf("10.1.1.%d", n))
		}
		return fields
	}) == 0 {
		t.Error("a client is another one by its own word")
	}
	// What stands left of the address that the proxy added is the client's own.
	if refused("behind:shop.test", func(n int) []string { return []string{"X-Forwarded-For", fmt.Sprintf("10.2.2.%d, 192.0.2.7", n)} }) == 0 {
		t.Error("a client behind a proxy is another one by its own word")
	}
	if got := refused("behind:shop.test", func(n int) []string { return []string{"X-Forwarded-For", fmt.Sprintf("10.3.3.%d", n)} }); got != 0 {
		t.Errorf("%d clients behind a proxy are refused for each other", got)
	}
}

// However the address is written, whatever actor type is tried and whoever the
// client says it is, the guesses count together (attacks H3, C1).
func TestGuessesInDisguise(t *testing.T) {
	s := openShop(t)
	spellings := []string{"ada@example.com", "ADA@example.com", " Ada@Example.COM ", "ada@EXAMPLE.com", "ada@ex\u24d0mple.com", "ada@example\u3002com"}
	limited := 0
	for n := range 16 {
		actor := []string{"customer", "user", "vendor"}[n%3]
		body := fmt.Sprintf(`{"email":%q,"password":"wrong %d"}`, spellings[n%len(spellings)], n)
		address := fmt.Sprintf("10.4.4.%d", n)
		a := s.call(t, "other.test", "POST", "/auth/"+actor+"/emailpass", body, "X-Forwarded-For", address, "X-Real-IP", address, "Forwarded", "for="+address, "User-Agent", address)
		switch a.status {
		case http.StatusTooManyRequests:
			limited++
		case http.StatusUnauthorized:
		default:
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	if limited < 4 {
		t.Errorf("of 16 guesses %d were refused", limited)
	}
}

// Bodies do not say what tokens say (attack A7).
func TestClaimsAreNotTheClients(t *testing.T) {
	s := openShop(t)
	for name, more := range map[string]string{
		"members": `"actor_id":"cus_evil","actor_type":"user","auth_identity_id":"authid_evil","roles":["admin"],"app_metadata":{"user_id":"evil"},"user_metadata":{"roles":["evil"]},"provider_metadata":{"x":"evil"},"purpose":"reset","iat":1,"exp":9999999999`,
		"twice":   `"email":"evil@example.com","app_metadata":{"user_id":"evil"}`,
	} {
		body := strings.TrimSuffix(logIn("claims-"+name+"@example.com"), "}")
		if name == "twice" {
			body = "{" + more + "," + strings.TrimPrefix(body, "{") + "}"
		} else {
			body += "," + more + "}"
		}
		for _, route := range []string{"/auth/customer/emailpass/register", "/auth/customer/emailpass"} {
			token := s.call(t, "shop.test", "POST", route, body).member(t, "token")
			payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			if err != nil || strings.Contains(string(payload), "evil") || strings.Contains(string(payload), "admin") {
				t.Errorf("%s at %s: the token says %s (%v)", name, route, payload, err)
			}
			claims := jwt.MapClaims{}
			if _, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte(jwtSecret), nil }); err != nil || claims["actor_id"] != "" || claims["actor_type"] != "customer" {
				t.Errorf("%s at %s: %v, %v", name, route, claims, err)
			}
		}
	}
}

// Pages of other sites cannot use Caddy's own API, and nothing of it is at the
// public port but by its address (attack J2; the corpus asks there).
func TestAdminAPI(t *testing.T) {
	s := openShop(t)
	request := func(method, target string, fields ...string) *answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.at("ADMIN")+target, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == "Host" {
				r.Host = fields[i+1]
			}
			r.Header.Set(fields[i], fields[i+1])
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return &answer{status: res.StatusCode, header: res.Header}
	}
	for name, fields := range map[string][]string{
		"page of another site": {"Origin", "https://evil.test"}, "form": {"Origin", "https://evil.test", "Sec-Fetch-Mode", "no-cors"},
		"form without origin": {"Sec-Fetch-Mode", "no-cors"}, "sandboxed frame": {"Origin", "null"}, "rebound name": {"Host", "evil.test"},
		"page of the shop": {"Origin", "https://shop.test"},
	} {
		for _, target := range []string{"/load", "/config/", "/stop", "/auth_sidecar/", "/auth-sidecar/"} {
			method := "POST"
			if a := request(method, target, fields...); a.status/100 == 2 {
				t.Errorf("%s: %s %s: %d", name, method, target, a.status)
			}
		}
	}
	if a := s.call(t, "shop.test", "GET", "/mine", "", "Cookie", s.people["ada"].cookie); a.status != http.StatusOK {
		t.Errorf("afterwards the shop answers %d", a.status)
	}
}

// Whoever reads a dump of Redis finds nothing there that logs them in, nor
// whose address it is in the name of a key (attack G5).
func TestDumpOfRedis(t *testing.T) {
	s := openShop(t)
	token := s.resetToken(t, "ada@example.com", "/auth/customer/emailpass/reset-password", "identifier")
	b := s.begin(t)
	client := redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	defer client.Close()
	ctx := context.Background()
	// The stream is where resets are delivered, and holds their tokens.
	keys, err := client.Keys(ctx, "*").Result()
	if err != nil || len(keys) < 10 {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	var dump strings.Builder
	for _, key := range keys {
		fmt.Fprintln(&dump, key)
		if strings.Contains(key, "example.com") {
			t.Errorf("the key %s names a person", key)
		}
		if key == "auth:events" {
			continue
		}
		switch kind := client.Type(ctx, key).Val(); kind {
		case "none": // a limit's, which has expired since
		case "string":
			fmt.Fprintln(&dump, client.Get(ctx, key).Val())
		case "hash":
			fmt.Fprintln(&dump, client.HGetAll(ctx, key).Val())
		case "zset":
			fmt.Fprintln(&dump, client.ZRange(ctx, key, 0, -1).Val())
		case "set":
			fmt.Fprintln(&dump, client.SMembers(ctx, key).Val())
		case "stream":
			fmt.Fprintln(&dump, client.XRange(ctx, key, "-", "+").Val())
		default:
			t.Errorf("%s is a %s, which is not looked at", key, kind)
		}
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	value := func(cookie string) string { _, v, _ := strings.Cut(cookie, "="); return v }
	for what, secret := range map[string]string{
		"a password": passphrase, "a reset token": token[strings.LastIndexByte(token, '.')+1:], "its id": fmt.Sprint(claims["jti"]), "a state": b.state, "a code": b.code,
		"a browser's id": value(b.cookie), "an access token": s.people["ada"].token[len(s.people["ada"].token)-30:], "a whole cookie": value(s.people["ada"].cookie),
		"the token's secret": jwtSecret, "the cookie's secret": cookieSecret, "the provider's secret": providerSecret,
	} {
		if strings.Contains(dump.String(), secret) {
			t.Errorf("%s stands in Redis", what)
		}
	}
	// A session's id is there, and is no credential without its signature.
	sid := s.names["ada sid"]
	for _, cookie := range []string{sid, "s%3A" + sid, "s%3A" + sid + ".", "s:" + sid + ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		if a := s.call(t, "shop.test", "GET", "/mine", "", "Cookie", "connect.sid="+cookie); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", cookie, a.status)
		}
	}
}
