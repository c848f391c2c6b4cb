//go:build unix

package attacks

import (
	"encoding/base64"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// credentials returns what the corpus calls by name: fields with which somebody
// says who they are, rightly or not.
func (s *shop) credentials(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{"secret file": s.home + "/secret"}
	for name, p := range s.people {
		all[name+" token"] = p.token
		all[name+" identity"], all[name+" actor"] = p.identityID, p.actorID
		if p.cookie != "" {
			all[name+" cookie"] = p.cookie
			all[name+" sid"], _, _ = strings.Cut(strings.TrimPrefix(p.cookie, "connect.sid=s%3A"), ".")
		}
	}
	maps.Copy(all, forgeries(t, s.people["ada"]))
	return all
}

// forgeries are tokens that look like the person's and prove nobody.
func forgeries(t testing.TB, p person) map[string]string {
	t.Helper()
	sign := func(method jwt.SigningMethod, key any, header map[string]any, change func(jwt.MapClaims)) string {
		claims := jwt.MapClaims{
			"actor_id": p.actorID, "actor_type": p.actorType, "auth_identity_id": p.identityID, "auth_provider": "emailpass",
			"app_metadata": map[string]any{}, "user_metadata": map[string]any{},
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		if change != nil {
			change(claims)
		}
		token := jwt.NewWithClaims(method, claims)
		maps.Copy(token.Header, header)
		raw, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	key, hs := []byte(jwtSecret), jwt.SigningMethodHS256
	parts := strings.Split(p.token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	asUser := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), `"customer"`, `"user"`, 1)))
	with := func(name string, value any) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { c[name] = value }
	}
	without := func(name string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, name) } }
	yesterday := time.Now().Add(-24 * time.Hour).Unix()
	return map[string]string{
		"genuine":            sign(hs, key, nil, nil),
		"unsigned":           sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
		"None":               sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"alg": "None"}, nil),
		"cut off":            parts[0] + "." + parts[1] + ".",
		"tampered":           parts[0] + "." + asUser + "." + parts[2],
		"other key":          sign(hs, []byte(strings.Repeat("x", 32)), nil, nil),
		"of other realm":     sign(hs, []byte(otherJWT), nil, nil),
		"cookie's key":       sign(hs, []byte(cookieSecret), nil, nil),
		"HS512":              sign(jwt.SigningMethodHS512, key, nil, nil),
		"crit":               sign(hs, key, map[string]any{"crit": []string{"exp"}}, nil),
		"kid is a path":      sign(hs, []byte{}, map[string]any{"kid": "../../../dev/null"}, nil),
		"kid is SQL":         sign(hs, []byte("k"), map[string]any{"kid": "' UNION SELECT 'k"}, nil),
		"jku":                sign(hs, key, map[string]any{"jku": "http://127.0.0.1:1/"}, nil),
		"x5u":                sign(hs, key, map[string]any{"x5u": "http://127.0.0.1:1/"}, nil),
		"jwk":                sign(hs, []byte("\x00\x00\x00"), map[string]any{"jwk": map[string]string{"kty": "oct", "k": "AAAA"}}, nil),
		"expired":            sign(hs, key, nil, with("exp", yesterday)),
		"expired, other key": sign(hs, []byte(strings.Repeat("x", 32)), nil, with("exp", yesterday)),
		"endless":            sign(hs, key, nil, without("exp")),
		"exp is text":        sign(hs, key, nil, with("exp", "4102444800")),
		"of the future":      sign(hs, key, nil, with("nbf", time.Now().Add(time.Hour).Unix())),
		"with purpose":       sign(hs, key, nil, with("purpose", "reset")),
		"null purpose":       sign(hs, key, nil, with("purpose", nil)),
		"unknown identity":   sign(hs, key, nil, with("auth_identity_id", "authid_01ARZ3NDEKTSV4RRFFQ69G5FAV")),
		"no identity":        sign(hs, key, nil, without("auth_identity_id")),
		"odd identity":       sign(hs, key, nil, with("auth_identity_id", "*}{\r\n")),
		"actor type is list": sign(hs, key, nil, with("actor_type", []string{"user", "customer"})),
	}
}

var nameOf = regexp.MustCompile(`<<[^<>]+>>`)

// fill replaces <<names>> of credentials. Unknown ones stay, and show.
func (s *shop) fill(text string) string {
	return nameOf.ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := s.names[strings.Trim(name, "<>")]; ok {
			return value
		}
		return name
	})
}

// fields are those of a credential of the corpus: `<name> token` is a bearer,
// `<name> cookie` a session, and several are joined by ` + `.
func (s *shop) fieldsOf(t testing.TB, credential string) (fields [][2]string) {
	t.Helper()
	if credential == "" {
		return nil
	}
	for name := range strings.SplitSeq(credential, " + ") {
		value, known := s.names[name]
		switch {
		case !known:
			t.Fatalf("unknown credential %q", name)
		case strings.HasSuffix(name, " cookie"):
			fields = append(fields, [2]string{"Cookie", value})
		default:
			fields = append(fields, [2]string{"Authorization", "Bearer " + value})
		}
	}
	return fields
}
