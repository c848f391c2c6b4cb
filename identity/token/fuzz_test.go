package token_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// seeds are headers, payloads and signatures; an empty signature is replaced by
// the right one, so that the fuzzer gets behind it.
func seeds(f *testing.F, ring *token.Ring) {
	f.Helper()
	reset, err := ring.Reset(resetClaims())
	if err != nil {
		f.Fatal(err)
	}
	for _, raw := range []string{access(f, ring, customer()), reset.Reveal()} {
		parts := strings.Split(raw, ".")
		f.Add(decode(f, parts[0]), decode(f, parts[1]), parts[2])
		f.Add(decode(f, parts[0]), decode(f, parts[1]), "")
	}
	f.Add(`{"typ":"JWT","alg":"HS256","kid":"x"}`, validPayload, "")
	f.Add(`{"alg":"none"}`, validPayload, "AAAA")
	f.Add(`{"alg":"RS256","crit":["exp"]}`, validPayload, "AAAA")
	f.Add(plainHeader, " {\n\"x\" : [ {\"a\":\"]}\\\"\"} ] ,\"actor_type\" : \"c\\u0075\" , \"exp\" : 1.795366461e9 }", "")
	f.Add(plainHeader, `{"actor_type":"a","app_metadata":{"b<":{}},"user_metadata":{"\u2028":"\\u003c"},"mfa_challenge_completed_at":"2026-11-21T16:54:50.043Z","exp":1795366461}`, "")
	f.Add(plainHeader, `{"purpose":"reset","purpose":null,"jti":"","entity_id":1,"exp":-0.5}`, "")
}

// assemble makes a token and tells whether it is genuine, by means of its own.
func assemble(t *testing.T, header, payload, signature string) (raw string, genuine bool) {
	t.Helper()
	if signature == "" {
		raw = compact(header, payload, secret)
		return raw, true
	}
	raw = encode(header) + "." + encode(payload) + "." + signature
	right := compact(header, payload, secret)
	return raw, raw == right
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if identity.CodeOf(err) != identity.CodeUnauthorized || !strings.HasPrefix(identity.ReasonOf(err), "token_") {
		t.Errorf("got code %q, reason %q", identity.CodeOf(err), identity.ReasonOf(err))
	}
}

// FuzzParseAccess: what is accepted is signed with our key, says HS256, has no
// purpose and is valid now; its claims survive being minted again.
func FuzzParseAccess(f *testing.F) {
	ring := secretRing(f, secret)
	seeds(f, ring)
	f.Fuzz(func(t *testing.T, header, payload, signature string) {
		raw, genuine := assemble(t, header, payload, signature)
		c, err := ring.ParseAccess(raw)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		var h, p map[string]json.RawMessage // exact names
		if json.Unmarshal([]byte(header), &h) != nil || json.Unmarshal([]byte(payload), &p) != nil {
			t.Fatal("accepted without being JSON")
		}
		if _, ok := p["purpose"]; ok || !genuine || len(raw) > token.MaxLength || string(h["alg"]) == "" || h["crit"] != nil {
			t.Fatalf("accepted: %s", raw)
		}
		if c.ExpiresAt <= now.Unix() || c.ActorType == "" {
			t.Fatalf("accepted %+v", c)
		}
		if c.ByActor { // see FuzzParseV1
			return
		}
		checkMembers(t, p, c)
		again, err := ring.Access(*c)
		if err != nil {
			if strings.Contains(err.Error(), "bytes") { // missing members are added
				return
			}
			t.Fatal(err)
		}
		second, err := ring.ParseAccess(again)
		if err != nil {
			t.Fatal(err)
		}
		if third := access(t, ring, *second); third != again {
			t.Fatalf("got\n%s\nthen\n%s", again, third)
		}
	})
}

// checkMembers compares the claims with what encoding/json reads.
func checkMembers(t *testing.T, members map[string]json.RawMessage, c *identity.Claims) {
	t.Helper()
	for name, got := range map[string]string{
		"actor_id": c.ActorID, "actor_type": c.ActorType, "auth_identity_id": c.IdentityID, "auth_provider": c.Provider,
	} {
		var want string
		if raw, ok := members[name]; ok {
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Fatalf("%s: got %q, want %q", name, got, want)
		}
	}
	var want map[string]json.RawMessage
	if raw, ok := members["app_metadata"]; ok {
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.AppMetadata)+len(want) > 0 && !reflect.DeepEqual(map[string]json.RawMessage(c.AppMetadata), want) {
		t.Fatalf("app metadata: got %s, want %s", c.AppMetadata, want)
	}
	if got, want := string(c.UserMetadata), string(members["user_metadata"]); got != want && want != "null" {
		t.Fatalf("user metadata: got %s, want %s", got, want)
	}
}

// FuzzParseReset: what is accepted is signed with our key, is for a reset and
// has all its texts; no access token is among it.
func FuzzParseReset(f *testing.F) {
	ring := secretRing(f, secret)
	seeds(f, ring)
	f.Fuzz(func(t *testing.T, header, payload, signature string) {
		raw, genuine := assemble(t, header, payload, signature)
		c, err := ring.ParseReset(raw)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if !genuine || c.Purpose != identity.PurposeReset || c.ID == "" || c.EntityID == "" || c.ExpiresAt <= now.Unix() {
			t.Fatalf("accepted %+v", c)
		}
		if _, err := ring.ParseAccess(raw); err == nil {
			t.Fatal("accepted as an access token too")
		}
		again, err := ring.Reset(*c)
		if err != nil {
			if strings.Contains(err.Error(), "bytes") {
				return
			}
			t.Fatal(err)
		}
		second, err := ring.ParseReset(again.Reveal())
		if err != nil || !reflect.DeepEqual(c, second) {
			t.Fatalf("got %+v, then %+v, error %v", c, second, err)
		}
	})
}

// FuzzParseRaw throws texts at a ring of all kinds of keys.
func FuzzParseRaw(f *testing.F) {
	ring := newRing(f, token.Config{Keys: []token.Key{
		secretKey(f, secret), parse(f, rsaPEM()), parse(f, p256PEM()), parse(f, p384PEM()), parse(f, ed25519PEM()),
	}})
	f.Add(access(f, ring, customer()))
	for _, alg := range []string{"RS256", "ES256", "ES384", "EdDSA"} {
		f.Add(encode(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + encode(validPayload) + "." + strings.Repeat("A", 86))
	}
	f.Add("..")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := ring.ParseReset(raw); err == nil {
			t.Fatal("accepted a reset token that was never minted")
		}
		_, err := ring.ParseAccess(raw)
		if err == nil {
			if !genuineHMAC(t, raw, secret) {
				t.Fatal("accepted without a signature")
			}
			return
		}
		checkRefusal(t, err)
	})
}
