package caddymodule_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var hs256 = jwt.SigningMethodHS256

// forge signs claims of the person, changed by change.
func (p person) forge(t *testing.T, method jwt.SigningMethod, key any, change func(claims jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{
		"actor_id": p.actorID, "actor_type": p.actorType, "auth_identity_id": p.identityID, "auth_provider": "emailpass",
		"app_metadata": map[string]any{}, "user_metadata": map[string]any{},
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	if change != nil {
		change(claims)
	}
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

// badCredentials lists fields that prove nobody, though they look as if.
func badCredentials(t *testing.T, p person) map[string][]string {
	t.Helper()
	key := []byte(jwtSecret)
	tampered := strings.Split(p.bearer, ".")
	payload, err := base64.RawURLEncoding.DecodeString(tampered[1])
	if err != nil {
		t.Fatal(err)
	}
	tampered[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), `"customer"`, `"user"`, 1)))
	authorization := func(value string) []string { return []string{"Authorization", value} }
	cookie := func(value string) []string { return []string{"Cookie", value} }
	return map[string][]string{
		"garbage":             authorization("Bearer garbage"),
		"empty":               authorization("Bearer "),
		"scheme alone":        authorization("Bearer"),
		"tampered":            authorization(strings.Join(tampered, ".")),
		"without signature":   authorization(p.bearer[:strings.LastIndexByte(p.bearer, '.')+1]),
		"other key":           authorization(p.forge(t, hs256, []byte("another-secret-of-thirty-two-bytes"), nil)),
		"alg none":            authorization(p.forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)),
		"wrong algorithm":     authorization(p.forge(t, jwt.SigningMethodHS512, key, nil)),
		"expired":             authorization(p.forge(t, hs256, key, func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Second).Unix() })),
		"without expiry":      authorization(p.forge(t, hs256, key, func(c jwt.MapClaims) { delete(c, "exp") })),
		"reset token":         authorization(p.forge(t, hs256, key, func(c jwt.MapClaims) { c["purpose"] = "reset" })),
		"unknown identity":    authorization(p.forge(t, hs256, key, func(c jwt.MapClaims) { c["auth_identity_id"] = "authid_01ARZ3NDEKTSV4RRFFQ69G5FAV" })),
		"no identity":         authorization(p.forge(t, hs256, key, func(c jwt.MapClaims) { delete(c, "auth_identity_id") })),
		"odd identity":        authorization(p.forge(t, hs256, key, func(c jwt.MapClaims) { c["auth_identity_id"] = "*}{" })),
		"two fields":          {"Authorization", p.bearer, "Authorization", p.bearer},
		"session as bearer":   authorization("Bearer " + strings.TrimPrefix(p.cookie, "connect.sid=")),
		"long":                authorization("Bearer " + strings.Repeat("a", 20<<10)),
		"long but genuine":    authorization("Bearer " + strings.Repeat(" ", 20<<10) + strings.TrimPrefix(p.bearer, "Bearer ")),
		"cookie garbage":      cookie("connect.sid=garbage"),
		"cookie empty":        cookie("connect.sid="),
		"cookie unsigned":     cookie("connect.sid=s%3Aabcdefghijklmnopqrstuvwxyz012345"),
		"cookie tampered":     cookie(strings.Replace(p.cookie, "s%3A", "s%3Ax", 1)),
		"cookie other secret": cookie("connect.sid=s%3AnyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD.zZB8ZKmWGwclyQZCOKS%2BQoqcer9cKva4Lvjs1bOAWhU"),
		"bearer as session":   cookie("connect.sid=" + strings.TrimPrefix(p.bearer, "Bearer ")),
		"cookie long":         cookie("connect.sid=s%3A" + strings.Repeat("a", 20<<10)),
	}
}

// A credential that proves nobody is removed and the request goes on as
// anonymous, or is refused where the site says so; it never passes as anybody.
func TestCredentialsThatProveNobody(t *testing.T) {
	for _, invalid := range []string{"ignore", "reject"} {
		t.Run(invalid, func(t *testing.T) {
			s := open(t, config{Site: "auth_sidecar {\ninvalid_credentials " + invalid + "\n}\nauth_require /admin* user\nauth_require /mine* *\nreverse_proxy {backend}"})
			ada := s.join(t, "customer", "ada@example.com")
			for name, header := range badCredentials(t, ada) {
				t.Run(name, func(t *testing.T) {
					for _, target := range []string{"/admin/orders", "/mine"} {
						s.send(t, "GET", target, "", header...).want(t, http.StatusUnauthorized, unauthorized)
					}
					r := s.send(t, "GET", "/store/products", "", header...)
					if invalid == "reject" {
						r.want(t, http.StatusUnauthorized, unauthorized)
						if r.Header["Set-Cookie"] != nil {
							t.Errorf("a cookie is touched: %v", r.Header)
						}
						return
					}
					got := r.seen(t)
					wantIdentity(t, got, nil)
					if got.Header["Authorization"] != nil || got.Header["Cookie"] != nil {
						t.Errorf("the backend saw %v", got.Header)
					}
				})
			}
			// What is good beside what is not still counts.
			for _, header := range [][]string{
				{"Authorization", ada.bearer, "Cookie", "connect.sid=garbage"}, {"Cookie", ada.cookie, "Authorization", "Bearer garbage"},
			} {
				wantIdentity(t, s.send(t, "GET", "/mine", "", header...).seen(t), ada.identity())
			}
			s.send(t, "GET", "/store/products", "", "Authorization", "Basic c2s6").seen(t)
			s.send(t, "GET", "/store/products", "").seen(t)
		})
	}
}

// A header of a megabyte is refused by Caddy, and the server lives on.
func TestMegabyteCredential(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar\nauth_require user\nreverse_proxy {backend}"})
	for _, field := range []string{"Authorization: Bearer ", "Cookie: connect.sid=s%3A"} {
		r := s.raw(t, "GET", "GET / HTTP/1.1\r\nHost: shop\r\n"+field+strings.Repeat("a", 1<<20)+"\r\n\r\n")
		if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge && r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d", field, r.StatusCode)
		}
	}
	s.send(t, "GET", "/", "").want(t, http.StatusUnauthorized, unauthorized)
	if got := s.requests(); len(got) != 0 {
		t.Errorf("the backend got %v", got)
	}
}

// Every kind of credential at every kind of protected path: only the diagonal
// passes (attack E4).
func TestActorTypes(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar\nauth_require /admin* user\nauth_require /store* customer\nauth_require /any* *\n" + mayJoin + "reverse_proxy {backend}"})
	ada, eve := s.join(t, "customer", "ada@example.com"), s.join(t, "user", "eve@example.com")
	bob := s.register(t, "customer", "bob@example.com")
	for _, c := range []struct {
		name   string
		header []string
		as     map[string]person // by path; others are refused
	}{
		{"nobody", nil, nil},
		{"customer's bearer", []string{"Authorization", ada.bearer}, map[string]person{"/store/x": ada, "/any/x": ada}},
		{"customer's session", []string{"Cookie", ada.cookie}, map[string]person{"/store/x": ada, "/any/x": ada}},
		{"user's bearer", []string{"Authorization", eve.bearer}, map[string]person{"/admin/x": eve, "/any/x": eve}},
		{"user's session", []string{"Cookie", eve.cookie}, map[string]person{"/admin/x": eve, "/any/x": eve}},
		{"unregistered bearer", []string{"Authorization", bob.bearer}, nil},
		// The session comes first, as with Medusa, unless its actor type does not fit (attack E7).
		{"customer's session, user's bearer", []string{"Cookie", ada.cookie, "Authorization", eve.bearer}, map[string]person{"/store/x": ada, "/admin/x": eve, "/any/x": ada}},
		{"user's session, customer's bearer", []string{"Cookie", eve.cookie, "Authorization", ada.bearer}, map[string]person{"/store/x": ada, "/admin/x": eve, "/any/x": eve}},
		{"Basic", []string{"Authorization", "Basic c2s6"}, nil},
	} {
		for _, target := range []string{"/admin/x", "/store/x", "/any/x"} {
			t.Run(fmt.Sprint(c.name, " at ", target), func(t *testing.T) {
				r := s.send(t, "GET", target, "", c.header...)
				if person, ok := c.as[target]; ok {
					got := r.seen(t)
					wantIdentity(t, got, person.identity())
					if claims := verified(t, strings.TrimPrefix(got.Header.Get("Authorization"), "Bearer ")); claims["actor_id"] != person.actorID {
						t.Errorf("the backend got a token of %v", claims["actor_id"])
					}
					return
				}
				r.want(t, http.StatusUnauthorized, unauthorized)
			})
		}
	}
}
