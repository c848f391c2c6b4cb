package token_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// v1Vector is a token that a real Medusa 1.20.11 minted (reference medusa-v1,
// section 5).
const v1Vector = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjdXN0b21lcl9pZCI6ImN1c18wMU03WkYxMjBUOTMyMUVaSFpKVlk2RlQyQyIsImRvbWFpbiI6InN0b3JlIiwiaWF0IjoxNzk1Mjc4NzQ4LCJleHAiOjE3OTc4NzA3NDh9.VpnfLiUzmsw1_FuVOJIat2yt0Wy5M_EleiFlQC2flHQ"

func TestV1Vector(t *testing.T) {
	t.Parallel()
	ring := secretRing(t, "ref-jwt-secret")
	c, err := ring.ParseAccess(v1Vector)
	if err != nil {
		t.Fatal(err)
	}
	want := &identity.Claims{
		ActorType: "customer", ActorID: "cus_01M7ZF120T9321EZHZJVY6FT2C", IssuedAt: 1795278748, ExpiresAt: 1797870748, ByActor: true,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	again, err := ring.V1().Access(*c)
	if err != nil || again != v1Vector {
		t.Errorf("minted again: %s, %v", again, err)
	}
}

func TestV1Access(t *testing.T) {
	t.Parallel()
	full := customer() // nothing but the actor and the times counts
	user := identity.Claims{ActorType: "user", ActorID: `usr_<1>`, IssuedAt: 1, ExpiresAt: 2}
	for name, test := range map[string]struct {
		config token.Config
		claims identity.Claims
		want   string
	}{
		"customer":            {claims: full, want: `{"customer_id":"cus_01M7ZGFXGPG36TS347VNFWCBA0","domain":"store","iat":1795280061,"exp":1795366461}`},
		"user":                {claims: user, want: `{"user_id":"usr_<1>","domain":"admin","iat":1,"exp":2}`},
		"issuer and audience": {token.Config{Issuer: "i", Audience: "a"}, user, `{"user_id":"usr_<1>","domain":"admin","iat":1,"exp":2,"aud":"a","iss":"i"}`},
	} {
		test.config.Keys = []token.Key{secretKey(t, secret)}
		raw, err := newRing(t, test.config).V1().Access(test.claims)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		parts := strings.Split(raw, ".")
		if decode(t, parts[0]) != plainHeader || decode(t, parts[1]) != test.want {
			t.Errorf("%s: got %s %s", name, decode(t, parts[0]), decode(t, parts[1]))
		}
	}
	for name, c := range map[string]identity.Claims{
		"no actor":      {ActorType: "customer"},
		"no actor type": {ActorID: "cus_1"},
		"another type":  {ActorType: "partner", ActorID: "par_1"},
		"too long":      {ActorType: "user", ActorID: strings.Repeat("u", token.MaxLength)},
	} {
		if raw, err := secretRing(t, secret).V1().Access(c); err == nil {
			t.Errorf("%s: minted %s", name, raw)
		}
	}
}

// TestV1Confusion: the two dialects' tokens, and what v1 signs with the same key,
// are never taken for one another.
func TestV1Confusion(t *testing.T) {
	t.Parallel()
	const customer = `"customer_id":"cus_1","iat":1795280061,"exp":1795366461`
	const user = `"user_id":"usr_1","iat":1795280061,"exp":1795366461`
	for name, test := range map[string]struct{ payload, actorType, reason string }{
		"store":                        {`{` + customer + `,"domain":"store"}`, "customer", ""},
		"admin":                        {`{` + user + `,"domain":"admin"}`, "user", ""},
		"claims that do not matter":    {`{` + customer + `,"domain":"store","sub":"x","auth_identity_id":"authid_1","user_id":"usr_1","app_metadata":1}`, "customer", ""},
		"the last member counts":       {`{"domain":"admin",` + customer + `,"domain":"store"}`, "customer", ""},
		"a customer for the admin":     {`{` + customer + `,"domain":"admin"}`, "", "token_claims"},
		"a user for the store":         {`{` + user + `,"domain":"store"}`, "", "token_claims"},
		"unknown domain":               {`{` + customer + `,"domain":"shop"}`, "", "token_claims"},
		"domain in other case":         {`{` + customer + `,"domain":"Store"}`, "", "token_claims"},
		"domain is null":               {`{` + customer + `,"domain":null}`, "", "token_claims"},
		"domain is a list":             {`{` + customer + `,"domain":["store"]}`, "", "token_claims"},
		"no domain":                    {`{` + customer + `}`, "", "token_claims"},
		"member in other case":         {`{"Customer_ID":"cus_1","domain":"store","exp":1795366461}`, "", "token_claims"},
		"no id":                        {`{"domain":"store","iat":1795280061,"exp":1795366461}`, "", "token_claims"},
		"empty id":                     {`{"customer_id":"","domain":"store","exp":1795366461}`, "", "token_claims"},
		"id is a number":               {`{"customer_id":1,"domain":"store","exp":1795366461}`, "", "token_claims"},
		"no exp":                       {`{"customer_id":"cus_1","domain":"store","iat":1795280061}`, "", "token_claims"},
		"exp is a text":                {`{"customer_id":"cus_1","domain":"store","exp":"1795366461"}`, "", "token_claims"},
		"expired":                      {`{"customer_id":"cus_1","domain":"store","exp":1795280000}`, "", "token_expired"},
		"not yet":                      {`{"customer_id":"cus_1","domain":"store","exp":1795366461,"nbf":1795366460}`, "", "token_not_yet_valid"},
		"for a reset":                  {`{` + customer + `,"domain":"store","purpose":"reset"}`, "", "token_purpose"},
		"for a reset, older":           {`{` + customer + `,"domain":"store","jti":"j","entity_id":"e"}`, "", "token_purpose"},
		"an invite":                    {`{"invite_id":"invite_1","role":"admin","user_email":"a@b.c","iat":1795280061}`, "", "token_claims"},
		"both dialects are the newer":  {`{` + customer + `,"domain":"store","actor_type":"user","actor_id":"usr_1"}`, "user", ""},
		"an actor type that is null":   {`{` + customer + `,"domain":"store","actor_type":null}`, "", "token_claims"},
		"the newer, with an ID of v1s": {`{"actor_type":"customer","actor_id":"","customer_id":"cus_1","exp":1795366461}`, "customer", ""},
	} {
		c, err := secretRing(t, secret).ParseAccess(compact(plainHeader, test.payload, secret))
		if test.reason != "" {
			if err == nil {
				t.Errorf("%s: accepted %+v", name, c)
				continue
			}
			wantReason(t, err, test.reason)
			continue
		}
		if err != nil || c.ActorType != test.actorType || c.ByActor == strings.Contains(test.payload, "actor_type") {
			t.Errorf("%s: got %+v, %v", name, c, err)
		}
		if c != nil && c.ByActor && (c.IdentityID != "" || c.Provider != "" || c.AppMetadata != nil) {
			t.Errorf("%s: believes %+v", name, c)
		}
	}
}

// TestV1Algorithm: v1 itself takes HS384 and HS512 and tokens without end. We do not.
func TestV1Algorithm(t *testing.T) {
	t.Parallel()
	const payload = `{"customer_id":"cus_1","domain":"store","iat":1795280061,"exp":1795366461}`
	ring := secretRing(t, secret)
	for alg, method := range map[string]jwt.SigningMethod{"HS384": jwt.SigningMethodHS384, "HS512": jwt.SigningMethodHS512} {
		_, err := ring.ParseAccess(signed(t, method, []byte(secret), `{"alg":"`+alg+`","typ":"JWT"}`, payload))
		wantReason(t, err, "token_algorithm")
	}
	_, err := ring.ParseAccess(encode(`{"alg":"none","typ":"JWT"}`) + "." + encode(payload) + ".")
	wantReason(t, err, "token_algorithm")
	_, err = ring.ParseAccess(compact(plainHeader, payload, "supersecret"))
	wantReason(t, err, "token_signature")
}

// FuzzParseV1: of the payloads that say no actor type, those are accepted that
// have a domain and the id of its actor; minted again they say the same.
func FuzzParseV1(f *testing.F) {
	ring := secretRing(f, secret)
	f.Add(`{"customer_id":"cus_1","domain":"store","iat":1795280061,"exp":1795366461}`)
	f.Add(`{"user_id":"usr_1","domain":"admin","exp":1795366461.5}`)
	f.Add(`{"domain":"store","d\u006fmain":"admin","user_id":"\ud800","exp":1e10}`)
	f.Add(`{"domain":null,"actor_type":""}`)
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := ring.ParseAccess(compact(plainHeader, payload, secret))
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if !c.ByActor {
			return
		}
		var p map[string]json.RawMessage
		if err := json.Unmarshal([]byte(payload), &p); err != nil {
			t.Fatal(err)
		}
		var domain, id string
		member := map[string]string{"customer": "customer_id", "user": "user_id"}[c.ActorType]
		if json.Unmarshal(p["domain"], &domain) != nil || json.Unmarshal(p[member], &id) != nil || p["exp"] == nil || p["actor_type"] != nil ||
			id == "" || id != c.ActorID || (domain == "store") != (c.ActorType == "customer") || (domain == "admin") != (c.ActorType == "user") {
			t.Fatalf("accepted %+v of %s", c, payload)
		}
		again, err := ring.V1().Access(*c)
		if err != nil {
			if strings.Contains(err.Error(), "bytes") {
				return
			}
			t.Fatal(err)
		}
		second, err := ring.ParseAccess(again)
		if err != nil || !reflect.DeepEqual(c, second) {
			t.Fatalf("got %+v, then %+v, %v", c, second, err)
		}
	})
}
