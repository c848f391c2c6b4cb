package session_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

const customerContext = `{"actor_id":"cus_1","actor_type":"customer","auth_identity_id":"authid_1","auth_provider":"emailpass",` +
	`"mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{"customer_id":"cus_1"},"user_metadata":{},"iat":1795280074,"exp":1795366474}`

const userContext = `{"actor_id":"user_1","actor_type":"user","auth_identity_id":"authid_2","auth_provider":"emailpass",` +
	`"mfa_enabled":true,"mfa_challenge_completed_at":"2026-11-21T16:54:34.060Z","app_metadata":{},"user_metadata":{"a":"<&>"},"iat":1795280075,"exp":1795366475}`

const developmentCookie = `{"originalMaxAge":36000000,"expires":"2026-11-22T02:37:14.462Z","secure":false,"httpOnly":true,"path":"/","sameSite":false}`

// These texts are read and written again without a change.
func TestRecordText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"Medusa, development": `{"cookie":` + developmentCookie + `,"auth_context":` + customerContext + `}`,
		"Medusa, production": `{"cookie":{"originalMaxAge":36000000,"expires":"2026-11-22T02:37:14.462Z","secure":true,"httpOnly":true,` +
			`"domain":"example.com","path":"/","sameSite":"lax"},"auth_context":` + customerContext + `}`,
		"ours": `{"cookie":` + developmentCookie + `,"auth_context":` + customerContext + `,"created_at":1795280074263}`,
		"ours, two people": `{"cookie":` + developmentCookie + `,"auth_context":` + customerContext + `,"created_at":1795280074263,` +
			`"auth_contexts":{"user":` + userContext + `},"auth_contexts_created_at":{"user":1795270000001}}`,
		"the latest has gone": `{"cookie":` + developmentCookie + `,"created_at":1795280074263,` +
			`"auth_contexts":{"customer":` + customerContext + `,"user":` + userContext + `},"auth_contexts_created_at":{"customer":1,"user":2}}`,
		"nobody": `{"cookie":` + developmentCookie + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record, err := session.Decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			data, err := record.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if string(data) != text {
				t.Errorf("\n got %s\nwant %s", data, text)
			}
		})
	}
}

func TestRecordFields(t *testing.T) {
	t.Parallel()
	record, err := session.Decode([]byte(`{"cookie":{"originalMaxAge":60000,"expires":"2026-11-22T02:37:14.462Z","secure":true,` +
		`"httpOnly":true,"domain":"example.com","path":"/","sameSite":"none"},"auth_context":` + customerContext +
		`,"created_at":1795280074263,"auth_contexts":{"user":` + userContext + `},"auth_contexts_created_at":{"user":1795270000001},"views":3}`))
	if err != nil {
		t.Fatal(err)
	}
	completed := identity.Time{Time: time.Date(2026, 11, 21, 16, 54, 34, 60_000_000, time.UTC)}
	want := &session.Record{
		Cookie: session.Cookie{
			OriginalMaxAge: 60000,
			Expires:        identity.Time{Time: time.Date(2026, 11, 22, 2, 37, 14, 462_000_000, time.UTC)},
			Secure:         true, HTTPOnly: true, Domain: "example.com", Path: "/", SameSite: session.SameSiteNone,
		},
		CreatedAt: time.Date(2026, 11, 21, 16, 54, 34, 263_000_000, time.UTC),
		Latest:    "customer",
		Contexts: map[string]identity.Claims{
			"customer": {
				ActorID: "cus_1", ActorType: "customer", IdentityID: "authid_1", Provider: "emailpass",
				AppMetadata:  identity.Metadata{"customer_id": []byte(`"cus_1"`)},
				UserMetadata: []byte(`{}`), IssuedAt: 1795280074, ExpiresAt: 1795366474,
			},
			"user": {
				ActorID: "user_1", ActorType: "user", IdentityID: "authid_2", Provider: "emailpass",
				MFAEnabled: true, MFACompleted: &completed, AppMetadata: identity.Metadata{},
				UserMetadata: []byte(`{"a":"<&>"}`), IssuedAt: 1795280075, ExpiresAt: 1795366475,
			},
		},
		Carried: map[string]time.Time{"user": time.UnixMilli(1795270000001).UTC()},
	}
	if !reflect.DeepEqual(record, want) {
		t.Errorf("\n got %+v\nwant %+v", record, want)
	}
}

// What other programs may have written is accepted.
func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, latest string }{
		"empty cookie":           {`{"cookie":{},"auth_context":` + customerContext + `}`, "customer"},
		"cookie of a session":    {`{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"auth_context":` + userContext + `}`, "user"},
		"same site true":         {`{"cookie":{"sameSite":true},"auth_context":` + userContext + `}`, "user"},
		"minimal context":        {`{"cookie":{},"auth_context":{"actor_id":"cus_1","actor_type":"customer"}}`, "customer"},
		"unknown members":        {`{"cookie":{"priority":"high"},"auth_context":{"actor_type":"user","roles":[1]},"views":1}`, "user"},
		"no context":             {`{"cookie":{}}`, ""},
		"null context":           {`{"cookie":{},"auth_context":null,"auth_contexts":null}`, ""},
		"context without type":   {`{"cookie":{},"auth_context":{"actor_id":"cus_1"}}`, ""},
		"Medusa v1":              {`{"cookie":{"path":"/"},"customer_id":"cus_1","user_id":"usr_1"}`, ""},
		"latest in both members": {`{"cookie":{},"auth_context":` + userContext + `,"auth_contexts":{"user":` + strings.Replace(userContext, "user_1", "user_0", 1) + `},"auth_contexts_created_at":{"user":1}}`, "user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record, err := session.Decode([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if record.Latest != test.latest {
				t.Errorf("latest is %q, want %q", record.Latest, test.latest)
			}
			if _, ok := record.Contexts[test.latest]; ok != (test.latest != "") {
				t.Errorf("contexts %v", record.Contexts)
			}
			if id := record.Contexts["user"].ActorID; id == "user_0" {
				t.Error("an older context hides the latest")
			}
			if len(record.Carried) != 0 {
				t.Errorf("carried %v", record.Carried)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                 "",
		"not JSON":                "hello",
		"cut off":                 `{"cookie":{},"auth_context":{"actor_id":"cus`,
		"something behind":        `{"cookie":{}}{}`,
		"null":                    "null",
		"array":                   `[{"cookie":{}}]`,
		"text":                    `"cookie"`,
		"no cookie":               `{"auth_context":` + customerContext + `}`,
		"null cookie":             `{"cookie":null,"auth_context":` + customerContext + `}`,
		"cookie is a text":        `{"cookie":"x"}`,
		"context is a text":       `{"cookie":{},"auth_context":"x"}`,
		"claim of another type":   `{"cookie":{},"auth_context":{"actor_type":1}}`,
		"expires is no time":      `{"cookie":{"expires":"tomorrow"}}`,
		"year 10000 in UTC":       `{"cookie":{"expires":"9999-12-31T23:59:59-01:00"}}`,
		"claim in year 10000":     `{"cookie":{},"auth_context":{"actor_type":"user","mfa_challenge_completed_at":"9999-12-31T23:59:59-01:00"}}`,
		"type does not match":     `{"cookie":{},"auth_contexts":{"customer":` + userContext + `}}`,
		"context without a type":  `{"cookie":{},"auth_contexts":{"":{"actor_id":"x"}}}`,
		"too large":               `{"cookie":{},"x":"` + strings.Repeat("x", session.MaxRecord) + `"}`,
		"deeply nested":           `{"cookie":{},"x":` + strings.Repeat("[", 20000) + `}`,
		"created_at not a number": `{"cookie":{},"created_at":"2026"}`,
	} {
		record, err := session.Decode([]byte(text))
		if !errors.Is(err, session.ErrCorrupt) || record != nil {
			t.Errorf("%s: got %v, %v", name, record, err)
		}
	}
}

func TestEncodeBoundsTheSize(t *testing.T) {
	t.Parallel()
	c := claims("customer", "cus_1")
	record := session.Record{Latest: "customer", Contexts: map[string]identity.Claims{"customer": c}}
	data, err := record.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		size int
		want identity.Code
	}{{session.MaxRecord, ""}, {session.MaxRecord + 1, identity.CodeInvalid}} {
		c.UserMetadata = []byte(`{"a":"` + strings.Repeat("a", test.size-len(data)-len(`"a":""`)) + `"}`)
		record.Contexts["customer"] = c
		encoded, err := record.Encode()
		if identity.CodeOf(err) != test.want {
			t.Errorf("%d bytes: %v", test.size, err)
		}
		if err == nil && len(encoded) != test.size {
			t.Errorf("made %d bytes, meant %d", len(encoded), test.size)
		}
	}
}

// A provider without metadata leaves an object in the record, as Medusa does.
func TestEncodeWritesEmptyMetadata(t *testing.T) {
	t.Parallel()
	record := session.Record{Latest: "user", Contexts: map[string]identity.Claims{"user": {ActorType: "user"}}}
	data, err := record.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte(`"app_metadata":{},"user_metadata":{}`); !bytes.Contains(data, want) {
		t.Errorf("%s lacks %s", data, want)
	}
	if record.Contexts["user"].UserMetadata != nil {
		t.Error("encoding changed the record")
	}
}

// What can be read can be written, and reads as the same again.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		`{"cookie":` + developmentCookie + `,"auth_context":` + customerContext + `}`,
		`{"cookie":{"expires":"2026-11-22T02:37:14.4621+02:00","sameSite":true},"auth_context":` + userContext + `,"created_at":1,"auth_contexts":{"customer":` + customerContext + `},"auth_contexts_created_at":{"customer":-1}}`,
		`{"cookie":{}}`, `{"cookie":null}`, `{}`, `[]`, `{"cookie":{"sameSite":"x","originalMaxAge":-1}}`,
		`{"cookie":{},"auth_context":{"actor_type":"a","app_metadata":{"b":null,"\ud800":[1, 2]},"user_metadata":"\u2028"}}`,
		`{"cookie":{"expires":"0000-01-01T00:00:00+23:59"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := session.Decode(data)
		if err != nil {
			if !errors.Is(err, session.ErrCorrupt) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		once, err := record.Encode()
		if identity.CodeOf(err) == identity.CodeInvalid {
			return // our form of it is longer
		}
		if err != nil {
			t.Fatalf("%q cannot be written: %v", data, err)
		}
		again, err := session.Decode(once)
		if err != nil {
			t.Fatalf("%q cannot be read again: %v", once, err)
		}
		if again.Latest != record.Latest || len(again.Contexts) != len(record.Contexts) || len(again.Carried) != len(record.Carried) {
			t.Fatalf("%q became %q", data, once)
		}
		twice, err := again.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("%q, then %q", once, twice)
		}
	})
}
