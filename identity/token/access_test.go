package token_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// TestAccessPayload compares whole payloads with what JSON.stringify writes.
func TestAccessPayload(t *testing.T) {
	t.Parallel()
	full := customer()
	full.MFAEnabled = true
	full.MFACompleted = &identity.Time{Time: time.Date(2026, 11, 21, 17, 54, 50, 43_900_000, time.FixedZone("CET", 3600))}
	full.AppMetadata["a<b"] = json.RawMessage(`{ "x": "<&>" }`)
	full.UserMetadata = json.RawMessage(`{"name":"Kaffee & <Kuchen>","sep":"\u2028` + "\u2029" + `","path":"\\u003c","quote":"\"\t\u0007é"}`)
	tests := map[string]struct {
		config token.Config
		claims identity.Claims
		want   string
	}{
		"least": {claims: identity.Claims{ActorType: "user"},
			want: `{"actor_id":"","actor_type":"user","auth_identity_id":"","auth_provider":"","mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{},"user_metadata":{},"iat":0,"exp":0}`},
		"null metadata": {claims: identity.Claims{ActorType: "user", UserMetadata: json.RawMessage("null")},
			want: `{"actor_id":"","actor_type":"user","auth_identity_id":"","auth_provider":"","mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{},"user_metadata":{},"iat":0,"exp":0}`},
		"full": {claims: full,
			want: `{"actor_id":"cus_01M7ZGFXGPG36TS347VNFWCBA0","actor_type":"customer","auth_identity_id":"authid_01M7ZGFXCPEBDV33HJKCJAF3EE","auth_provider":"emailpass","mfa_enabled":true,"mfa_challenge_completed_at":"2026-11-21T16:54:50.043Z","app_metadata":{"a<b":{"x":"<&>"},"customer_id":"cus_01M7ZGFXGPG36TS347VNFWCBA0"},"user_metadata":{"name":"Kaffee & <Kuchen>","sep":"` + "\u2028\u2029" + `","path":"\\u003c","quote":"\"\t\u0007é"},"iat":1795280061,"exp":1795366461}`},
		"issuer and audience": {token.Config{Issuer: "medusa", Audience: "shop"}, identity.Claims{ActorType: "a&b\u2028"},
			`{"actor_id":"","actor_type":"a&b` + "\u2028" + `","auth_identity_id":"","auth_provider":"","mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{},"user_metadata":{},"iat":0,"exp":0,"aud":"shop","iss":"medusa"}`},
		"issuer": {token.Config{Issuer: "medusa"}, identity.Claims{ActorType: "user"},
			`{"actor_id":"","actor_type":"user","auth_identity_id":"","auth_provider":"","mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{},"user_metadata":{},"iat":0,"exp":0,"iss":"medusa"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.config.Keys = []token.Key{secretKey(t, secret)}
			raw := access(t, newRing(t, test.config), test.claims)
			parts := strings.Split(raw, ".")
			if header := decode(t, parts[0]); header != plainHeader {
				t.Errorf("got header %s", header)
			}
			if payload := decode(t, parts[1]); payload != test.want {
				t.Errorf("got\n%s\nwant\n%s", payload, test.want)
			}
			if !genuineHMAC(t, raw, secret) {
				t.Error("wrong signature")
			}
		})
	}
}

func TestAccessOfOneSecondIsTheSame(t *testing.T) {
	t.Parallel()
	ring := secretRing(t, secret)
	c := customer()
	for _, name := range []string{"z_id", "user_id", "b_id", "a_long_name_id"} {
		c.AppMetadata[name] = json.RawMessage(`"x"`)
	}
	first := access(t, ring, c)
	for range 50 { // maps have no order
		if again := access(t, ring, c); again != first {
			t.Fatalf("got\n%s\nand\n%s", first, again)
		}
	}
}

func TestAccessRefuses(t *testing.T) {
	t.Parallel()
	ring := secretRing(t, secret)
	for name, change := range map[string]func(*identity.Claims){
		"no actor type":      func(c *identity.Claims) { c.ActorType = "" },
		"broken metadata":    func(c *identity.Claims) { c.UserMetadata = json.RawMessage(`{"a":`) },
		"list as metadata":   func(c *identity.Claims) { c.UserMetadata = json.RawMessage(`[]`) },
		"broken app member":  func(c *identity.Claims) { c.AppMetadata["x"] = json.RawMessage(`"`) },
		"more than MaxBytes": func(c *identity.Claims) { c.Provider = strings.Repeat("p", token.MaxLength) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := customer()
			change(&c)
			if raw, err := ring.Access(c); err == nil || raw != "" {
				t.Errorf("got token %q, error %v", raw, err)
			}
		})
	}
}

// TestParseAccessClaims looks at genuine tokens: what each claim may be.
func TestParseAccessClaims(t *testing.T) {
	t.Parallel()
	const exp = `,"exp":1795366461`
	valid := func(c identity.Claims) identity.Claims {
		c.ActorType, c.ExpiresAt = "customer", 1795366461
		return c
	}
	tests := map[string]struct {
		payload string
		want    identity.Claims
		reason  string
	}{
		"least":              {`{"actor_type":"customer"` + exp + `}`, valid(identity.Claims{}), ""},
		"nulls":              {`{"actor_id":null,"actor_type":"customer","auth_identity_id":null,"auth_provider":null,"mfa_enabled":null,"mfa_challenge_completed_at":null,"app_metadata":null,"user_metadata":null` + exp + `}`, valid(identity.Claims{}), ""},
		"spaces and unknown": {" {\n\"x\" : [ {\"actor_type\":\"user\"} , \"]}\\\"\" ] ,\t\"actor_type\" : \"customer\" , \"exp\" : 1795366461 }\r\n", valid(identity.Claims{}), ""},
		"escapes":            {`{"actor\u005ftype":"c\u0075stomer","actor_id":"\"\ud83d\ude00\/"` + exp + `}`, valid(identity.Claims{ActorID: `"😀/`}), ""},
		"invalid UTF-8":      {"{\"actor_id\":\"a\xff\",\"actor_type\":\"customer\"" + exp + "}", valid(identity.Claims{ActorID: "a\ufffd"}), ""},
		"last of two counts": {`{"actor_id":"a","actor_id":"b","actor_type":"customer"` + exp + `}`, valid(identity.Claims{ActorID: "b"}), ""},
		"exact names":        {`{"actor_id":"a","ACTOR_ID":"b","Exp":1,"actor_type":"customer"` + exp + `}`, valid(identity.Claims{ActorID: "a"}), ""},
		"MFA": {`{"actor_type":"customer","mfa_enabled":true,"mfa_challenge_completed_at":"2026-11-21T16:54:50.043Z"` + exp + `}`,
			valid(identity.Claims{MFAEnabled: true, MFACompleted: &identity.Time{Time: time.Date(2026, 11, 21, 16, 54, 50, 43e6, time.UTC)}}), ""},
		"metadata": {`{"actor_type":"customer","app_metadata":{"customer_id": "c" ,"roles":["a"],"x":null},"user_metadata": {"a":{"b":[1]}}` + exp + `}`,
			valid(identity.Claims{AppMetadata: identity.Metadata{"customer_id": []byte(`"c"`), "roles": []byte(`["a"]`), "x": []byte(`null`)}, UserMetadata: []byte(`{"a":{"b":[1]}}`)}), ""},
		"fractions": {`{"actor_type":"customer","iat":1795280060.9,"exp":1.795366461e9}`, valid(identity.Claims{IssuedAt: 1795280060}), ""},

		"no actor type":               {`{"actor_id":"a"` + exp + `}`, identity.Claims{}, "token_claims"},
		"empty actor type":            {`{"actor_type":""` + exp + `}`, identity.Claims{}, "token_claims"},
		"null actor type":             {`{"actor_type":null` + exp + `}`, identity.Claims{}, "token_claims"},
		"actor type is a number":      {`{"actor_type":1` + exp + `}`, identity.Claims{}, "token_claims"},
		"actor type is a list":        {`{"actor_type":["customer"]` + exp + `}`, identity.Claims{}, "token_claims"},
		"actor id is a number":        {`{"actor_id":1,"actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"actor id is an object":       {`{"actor_id":{},"actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"identity is a boolean":       {`{"auth_identity_id":true,"actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"provider is a list":          {`{"auth_provider":[],"actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"MFA is a string":             {`{"mfa_enabled":"false","actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"MFA time is a number":        {`{"mfa_challenge_completed_at":1,"actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"MFA time is no time":         {`{"mfa_challenge_completed_at":"now","actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"MFA time after year 9999":    {`{"mfa_challenge_completed_at":"9999-12-31T23:59:59-01:00","actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"app metadata is a list":      {`{"app_metadata":[],"actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"user metadata is a string":   {`{"user_metadata":"{}","actor_type":"customer"` + exp + `}`, identity.Claims{}, "token_claims"},
		"no exp":                      {`{"actor_type":"customer"}`, identity.Claims{}, "token_claims"},
		"null exp":                    {`{"actor_type":"customer","exp":null}`, identity.Claims{}, "token_claims"},
		"exp is a string":             {`{"actor_type":"customer","exp":"1795366461"}`, identity.Claims{}, "token_claims"},
		"exp is NaN":                  {`{"actor_type":"customer","exp":"NaN"}`, identity.Claims{}, "token_claims"},
		"exp beyond all clocks":       {`{"actor_type":"customer","exp":1e300}`, identity.Claims{}, "token_claims"},
		"exp that overflows":          {`{"actor_type":"customer","exp":9223372036854775807}`, identity.Claims{}, "token_claims"},
		"exp beyond a float":          {`{"actor_type":"customer","exp":1e999}`, identity.Claims{}, "token_claims"},
		"exp long ago":                {`{"actor_type":"customer","exp":-9007199254740991}`, identity.Claims{}, "token_expired"},
		"iat is a string":             {`{"actor_type":"customer","iat":"1795280061"` + exp + `}`, identity.Claims{}, "token_claims"},
		"null iat":                    {`{"actor_type":"customer","iat":null` + exp + `}`, identity.Claims{}, "token_claims"},
		"nbf is a string":             {`{"actor_type":"customer","nbf":"0"` + exp + `}`, identity.Claims{}, "token_claims"},
		"iss and aud are not checked": {`{"actor_type":"customer","iss":1,"aud":{}` + exp + `}`, valid(identity.Claims{}), ""},
	}
	ring := secretRing(t, secret)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := ring.ParseAccess(compact(plainHeader, test.payload, secret))
			wantReason(t, err, test.reason)
			if test.reason == "" && !reflect.DeepEqual(*c, test.want) {
				t.Errorf("got %+v, want %+v", *c, test.want)
			}
			if test.reason != "" && c != nil {
				t.Errorf("got claims %+v with an error", *c)
			}
		})
	}
}

// TestTimes walks over the edges of exp and nbf.
func TestTimes(t *testing.T) {
	t.Parallel()
	const payload = `{"actor_type":"customer","iat":1000,"nbf":1000,"exp":2000}`
	tests := map[string]struct {
		at     float64
		leeway time.Duration
		reason string
	}{
		"before nbf":           {999.9, 0, "token_not_yet_valid"},
		"at nbf":               {1000, 0, ""},
		"before exp":           {1999.9, 0, ""},
		"at exp":               {2000, 0, "token_expired"},
		"before nbf, leeway":   {990, 10 * time.Second, ""},
		"more before nbf":      {989.9, 10 * time.Second, "token_not_yet_valid"},
		"after exp, leeway":    {2009.9, 10 * time.Second, ""},
		"after exp and leeway": {2010, 10 * time.Second, "token_expired"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := newRing(t, token.Config{
				Keys: []token.Key{secretKey(t, secret)}, Leeway: test.leeway,
				Clock: func() time.Time { return time.UnixMilli(int64(test.at * 1000)) },
			})
			_, err := ring.ParseAccess(compact(plainHeader, payload, secret))
			wantReason(t, err, test.reason)
		})
	}
}

func TestIssuerAndAudience(t *testing.T) {
	t.Parallel()
	ring := newRing(t, token.Config{Keys: []token.Key{secretKey(t, secret)}, Issuer: "medusa", Audience: "shop"})
	for name, test := range map[string]struct{ members, reason string }{
		"both":                    {`"iss":"medusa","aud":"shop"`, ""},
		"audience in a list":      {`"iss":"medusa","aud":["other","shop"]`, ""},
		"no issuer":               {`"aud":"shop"`, "token_claims"},
		"other issuer":            {`"iss":"medusa2","aud":"shop"`, "token_claims"},
		"issuer is a list":        {`"iss":["medusa"],"aud":"shop"`, "token_claims"},
		"no audience":             {`"iss":"medusa"`, "token_claims"},
		"other audience":          {`"iss":"medusa","aud":"SHOP"`, "token_claims"},
		"empty list of audiences": {`"iss":"medusa","aud":[]`, "token_claims"},
		"audience is a number":    {`"iss":"medusa","aud":1`, "token_claims"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ring.ParseAccess(compact(plainHeader, `{"actor_type":"customer","exp":1795366461,`+test.members+`}`, secret))
			wantReason(t, err, test.reason)
			_, err = ring.ParseReset(compact(plainHeader, `{"purpose":"reset","entity_id":"e","provider":"p","actor_type":"a","jti":"1","exp":1795366461,`+test.members+`}`, secret))
			wantReason(t, err, test.reason)
		})
	}
	if _, err := ring.ParseAccess(access(t, ring, customer())); err != nil {
		t.Errorf("its own token: %v", err)
	}
}
