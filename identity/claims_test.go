package identity_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func encode(t testing.TB, v any) string {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// The tokens that were recorded (reference medusa-v2, sections 5 and 9).
func TestClaimsJSON(t *testing.T) {
	t.Parallel()
	completed := identity.Time{Time: time.Date(2026, 11, 21, 17, 54, 34, 5_999_999, time.FixedZone("", 3600))}
	for _, test := range []struct {
		claims any
		want   string
	}{
		{
			identity.Claims{
				ActorType: "customer", IdentityID: "authid_01", Provider: "emailpass",
				UserMetadata: []byte("{}"), IssuedAt: 1795278889, ExpiresAt: 1795365289,
			},
			`{"actor_id":"","actor_type":"customer","auth_identity_id":"authid_01","auth_provider":"emailpass","mfa_enabled":false,` +
				`"mfa_challenge_completed_at":null,"app_metadata":{},"user_metadata":{},"iat":1795278889,"exp":1795365289}`,
		},
		{
			identity.Claims{
				ActorID: "cus_01", ActorType: "customer", IdentityID: "authid_01", Provider: "google", MFAEnabled: true, MFACompleted: &completed,
				AppMetadata:  identity.Metadata{"customer_id": []byte(`"cus_01"`), "user_id": []byte(`"user_01"`)},
				UserMetadata: []byte(`{"name":"Go <Ogle>","n":1.50}`), IssuedAt: 1, ExpiresAt: 2,
			},
			`{"actor_id":"cus_01","actor_type":"customer","auth_identity_id":"authid_01","auth_provider":"google","mfa_enabled":true,` +
				`"mfa_challenge_completed_at":"2026-11-21T16:54:34.005Z","app_metadata":{"user_id":"user_01","customer_id":"cus_01"},` +
				`"user_metadata":{"name":"Go <Ogle>","n":1.50},"iat":1,"exp":2}`,
		},
		{
			identity.ResetClaims{
				EntityID: "a@example.com", Provider: "emailpass", ActorType: "customer", Purpose: identity.PurposeReset,
				IssuedAt: 1, ExpiresAt: 901, ID: "5f59e856-1b35-4f40-927d-09f49c8de323",
			},
			`{"entity_id":"a@example.com","provider":"emailpass","actor_type":"customer","purpose":"reset","iat":1,"exp":901,` +
				`"jti":"5f59e856-1b35-4f40-927d-09f49c8de323"}`,
		},
	} {
		if got := encode(t, test.claims); got != test.want {
			t.Errorf("claims %s\nwant   %s", got, test.want)
		}
	}
}

func TestMetadataJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		metadata identity.Metadata
		want     string
	}{
		{nil, `{}`},
		{identity.Metadata{}, `{}`},
		{identity.Metadata{"customer_id": []byte(`"cus_1"`)}, `{"customer_id":"cus_1"}`},
		{ // shorter keys first, then by bytes, as PostgreSQL has them
			identity.Metadata{"zz": []byte("1"), "b": []byte("2"), "aaa": []byte("3"), "ab": []byte("4"), "": []byte("5"), "ä": []byte("6"), "B": []byte("7")},
			`{"":5,"B":7,"b":2,"ab":4,"zz":1,"ä":6,"aaa":3}`,
		},
		{identity.Metadata{"n": []byte("1e400"), "o": []byte(`{"b":1,"a":[true,null]}`)}, `{"n":1e400,"o":{"b":1,"a":[true,null]}}`},
		{identity.Metadata{`a"b\`: []byte(`"\u00e4"`), "\n": []byte("null")}, `{"\n":null,"a\"b\\":"\u00e4"}`},
		{identity.Metadata{"nil": nil, "none": {}}, `{"nil":null,"none":null}`},
	} {
		if got := encode(t, test.metadata); got != test.want {
			t.Errorf("%q: %s, want %s", test.metadata, got, test.want)
		}
	}
	if _, err := json.Marshal(identity.Metadata{"a": []byte("{")}); err == nil {
		t.Error("a value that is no JSON was written")
	}
}

// Whatever members an identity has: what is written is read again as the same.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"customer_id":"cus_1"}`, `{"b":1,"a":{"z":[1,2]},"":null}`, `{"<&>":"<&>\u2028"}`, `{"a":1,"a":2}`, `{"\ud800":1}`, `{"a": 1 }`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m identity.Metadata
		if json.Unmarshal(text, &m) != nil {
			return
		}
		written, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var again identity.Metadata
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s: wrote %s: %v", text, written, err)
		}
		if len(again) != len(m) {
			t.Fatalf("%s: wrote %s", text, written)
		}
		for key, value := range m {
			var a, b any
			if json.Unmarshal(value, &a) != nil { // a number that Go has no place for
				continue
			}
			if err := json.Unmarshal(again[key], &b); err != nil || !reflect.DeepEqual(a, b) {
				t.Fatalf("%s: %q is %s, then %s", text, key, value, again[key])
			}
		}
		twice, err := json.Marshal(again)
		if err != nil || !bytes.Equal(twice, written) {
			t.Fatalf("%s: wrote %s, then %s (%v)", text, written, twice, err)
		}
	})
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	i := identity.Identity{AppMetadata: identity.Metadata{
		"customer_id": []byte(`"cus_1"`), "user_id": []byte("null"), "robot_id": []byte("5"), "list_id": []byte(`["x"]`), "_id": []byte(`"x"`),
	}}
	for actorType, want := range map[string]string{"customer": "cus_1", "user": "", "robot": "", "list": "", "none": "", "customer_id": ""} {
		if got := i.ActorID(actorType); got != want {
			t.Errorf("actor %s is %q, want %q", actorType, got, want)
		}
	}
	for metadata, want := range map[string]bool{`null`: false, `{}`: false, `{"customer_id":null}`: true, `{"roles":[]}`: true} {
		var i identity.Identity
		if err := json.Unmarshal([]byte(metadata), &i.AppMetadata); err != nil || i.HasActor() != want {
			t.Errorf("%s: has an actor: %v (%v)", metadata, i.HasActor(), err)
		}
	}
	i.ValidFrom = time.Unix(100, 0)
	for issuedAt, want := range map[int64]bool{0: false, 99: false, 100: true, 101: true} {
		if i.Valid(time.Unix(issuedAt, 0)) != want {
			t.Errorf("issued at %d is good: %v", issuedAt, !want)
		}
	}
	if !new(identity.Identity).Valid(time.Unix(0, 0)) {
		t.Error("a credential without a time is not good although nothing was ever revoked")
	}
}

func TestInputText(t *testing.T) {
	t.Parallel()
	in := identity.Input{Body: map[string]any{"a": "text", "b": "", "c": 5.0, "d": nil, "e": []any{"text"}, "f": map[string]any{"a": "text"}, "g": true}}
	for _, member := range []string{"b", "c", "d", "e", "f", "g", "h"} {
		if text, ok := in.Text(member); ok {
			t.Errorf("member %s is %q", member, text)
		}
	}
	if text, ok := in.Text("a"); !ok || text != "text" {
		t.Errorf("%q, %v", text, ok)
	}
	if _, ok := (identity.Input{}).Text("a"); ok {
		t.Error("no body has a member")
	}
}
