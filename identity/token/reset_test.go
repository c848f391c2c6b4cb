package token_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

func resetClaims() identity.ResetClaims {
	return identity.ResetClaims{
		EntityID: "a&b@example.com", Provider: "emailpass", ActorType: "customer",
		Purpose: identity.PurposeReset, ID: "4f9af5a4-f9ee-49ea-8668-d82683786cb7",
		IssuedAt: now.Unix(), ExpiresAt: now.Unix() + 900,
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	ring := newRing(t, token.Config{Keys: []token.Key{secretKey(t, secret)}, Issuer: "medusa"})
	c := resetClaims()
	c.Purpose = "" // it is always reset
	raw, err := ring.Reset(c)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %s", raw, raw, raw); strings.Contains(text, "eyJ") {
		t.Errorf("the token prints: %s", text)
	}
	const want = `{"entity_id":"a&b@example.com","provider":"emailpass","actor_type":"customer","purpose":"reset","iat":1795280061,"exp":1795280961,"jti":"4f9af5a4-f9ee-49ea-8668-d82683786cb7","iss":"medusa"}`
	if got := decode(t, strings.Split(raw.Reveal(), ".")[1]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got, err := ring.ParseReset(raw.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if want := resetClaims(); !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, want %+v", *got, want)
	}
}

func TestResetRefuses(t *testing.T) {
	t.Parallel()
	ring := secretRing(t, secret)
	for name, change := range map[string]func(*identity.ResetClaims){
		"no entity":     func(c *identity.ResetClaims) { c.EntityID = "" },
		"no provider":   func(c *identity.ResetClaims) { c.Provider = "" },
		"no actor type": func(c *identity.ResetClaims) { c.ActorType = "" },
		"no id":         func(c *identity.ResetClaims) { c.ID = "" },
		"too long":      func(c *identity.ResetClaims) { c.EntityID = strings.Repeat("e", token.MaxLength) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := resetClaims()
			change(&c)
			if raw, err := ring.Reset(c); err == nil || !raw.Empty() {
				t.Errorf("got token %q, error %v", raw.Reveal(), err)
			}
		})
	}
}

func TestParseResetClaims(t *testing.T) {
	t.Parallel()
	members := map[string]string{
		"entity_id": `"a@example.com"`, "provider": `"emailpass"`, "actor_type": `"customer"`,
		"purpose": `"reset"`, "jti": `"1"`, "iat": "1795280061", "exp": "1795280961",
	}
	tests := map[string]struct{ member, value, reason string }{ // no value: the member is missing
		"as it should be":    {"jti", `"1"`, ""},
		"no iat":             {"iat", "", ""},
		"no entity":          {"entity_id", "", "token_claims"},
		"empty entity":       {"entity_id", `""`, "token_claims"},
		"entity is a number": {"entity_id", `1`, "token_claims"},
		"null provider":      {"provider", `null`, "token_claims"},
		"actor type a list":  {"actor_type", `["customer"]`, "token_claims"},
		"no jti":             {"jti", "", "token_claims"},
		"empty jti":          {"jti", `""`, "token_claims"},
		"jti is an object":   {"jti", `{}`, "token_claims"},
		"no purpose":         {"purpose", "", "token_purpose"},
		"purpose Reset":      {"purpose", `"Reset"`, "token_purpose"},
		"purpose and more":   {"purpose", `"reset "`, "token_purpose"},
		"no exp":             {"exp", "", "token_claims"},
		"exp is a string":    {"exp", `"1795280961"`, "token_claims"},
		"expired":            {"exp", "1795280061", "token_expired"},
		"iat is a string":    {"iat", `"1795280061"`, "token_claims"},
		"not before":         {"nbf", "1795280962", "token_not_yet_valid"},
	}
	ring := secretRing(t, secret)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list []string
			for member, value := range members {
				if member != test.member {
					list = append(list, fmt.Sprintf("%q:%s", member, value))
				}
			}
			if test.value != "" {
				list = append(list, fmt.Sprintf("%q:%s", test.member, test.value))
			}
			c, err := ring.ParseReset(compact(plainHeader, "{"+strings.Join(list, ",")+"}", secret))
			wantReason(t, err, test.reason)
			if (c == nil) != (test.reason != "") {
				t.Errorf("got claims %+v", c)
			}
		})
	}
}
