//go:build unix

package redisstore_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

const (
	alice   = "authid_01M7ZGFXCPEBDV33HJKCJAF3EE"
	address = "alice@shop.example"
	someSID = "nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD"
)

// someHash is the hash of some reset.
var someHash = strings.Repeat("ab", 32)

func entry(credential string) identity.ProviderIdentity {
	return identity.ProviderIdentity{
		Provider: "emailpass", EntityID: address, Key: address,
		Credential: identity.NewSecret(credential), UserMetadata: json.RawMessage(`{"a":1}`),
	}
}

// google is an account of a third party.
// anytime is a ValidFrom that no revocation comes after.
var anytime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func google(key string) identity.ProviderIdentity {
	return identity.ProviderIdentity{Provider: "google", EntityID: key, Key: key, VerifiedEmail: "alice@mail.example"}
}

func someAttempt() identity.Attempt {
	return identity.Attempt{Provider: "google", ActorType: "customer", Verifier: identity.NewSecret("verifier"), ExpiresAt: soon()}
}

func someone() *identity.Identity {
	return &identity.Identity{
		ID:          alice,
		AppMetadata: identity.Metadata{"customer_id": json.RawMessage(`"cus_1"`)},
		Providers:   map[string]identity.ProviderIdentity{"emailpass": entry("hash")},
		CreatedAt:   time.Date(2026, 11, 21, 16, 54, 34, 263_000_000, time.UTC),
		UpdatedAt:   time.Date(2026, 11, 21, 16, 54, 34, 263_000_000, time.UTC),
	}
}

func soon() time.Time { return time.Now().Add(time.Hour) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestKeys: the names of the keys are known outside of this package: to
// operators, to ACLs, to other versions.
func TestKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ prefix, sessions, wantPrefix, wantSessions string }{
		{"", "", "auth:", "auth:sess:"},
		{"shop2/", "", "shop2/", "shop2/sess:"},
		{"", "sess:", "auth:", "sess:"},
	} {
		client := newEmbedded(t)
		s, err := redisstore.New(client, redisstore.Options{Prefix: test.prefix, SessionPrefix: test.sessions, Timeout: patient})
		must(t, err)
		must(t, s.Create(t.Context(), someone()))
		must(t, s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
		must(t, s.SaveSession(t.Context(), someSID, []byte("{}"), time.Hour))
		must(t, s.AddProvider(t.Context(), alice, google("1234"), anytime))
		must(t, s.KeepAttempt(t.Context(), someHash, someAttempt()))
		must(t, s.MarkRecent(t.Context(), "token", time.Now(), time.Hour))
		want := []string{
			test.wantPrefix + "ac:customer:" + sha("cus_1"),
			test.wantPrefix + "id:{" + alice + "}",
			test.wantPrefix + "id:{" + alice + "}:rst:emailpass",
			test.wantPrefix + "meta",
			test.wantPrefix + "px:emailpass:" + sha(address),
			test.wantPrefix + "px:google:" + sha("1234"),
			test.wantPrefix + "st:" + someHash,
			test.wantPrefix + "lg:" + sha("token"),
			test.wantSessions + someSID,
		}
		got, err := client.Keys(t.Context(), "*").Result()
		must(t, err)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("keys with %q and %q:\ngot  %q\nwant %q", test.prefix, test.sessions, got, want)
		}
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	client := newEmbedded(t)
	s, err := redisstore.New(client, redisstore.Options{Timeout: patient})
	must(t, err)
	must(t, s.Create(t.Context(), someone()))
	got, err := client.HGetAll(t.Context(), "auth:id:{"+alice+"}").Result()
	must(t, err)
	holder, err := client.Get(t.Context(), "auth:px:emailpass:"+sha(address)).Result()
	must(t, err)
	if holder != alice+":"+got["claim"] || len(got["claim"]) != 8 {
		t.Errorf("the index key holds %q, the claim is %q", holder, got["claim"])
	}
	delete(got, "claim")
	want := map[string]string{
		"v": "1", "rev": "1", "valid_from": "0", "created_at": "1795280074263", "updated_at": "1795280074263",
		"app:customer_id": `"cus_1"`,
		"pi:emailpass":    `{"entity_id":"alice@shop.example","key":"alice@shop.example","user_metadata":{"a":1},"credential":"hash"}`,
	}
	for field, value := range want {
		if got[field] != value {
			t.Errorf("%s is %q, want %q", field, got[field], value)
		}
		delete(got, field)
	}
	if len(got) > 0 {
		t.Errorf("more fields: %q", got)
	}
	if ttl := client.TTL(t.Context(), "auth:id:{"+alice+"}").Val(); ttl != -1 {
		t.Errorf("the record goes in %v", ttl)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	client := newEmbedded(t)
	s, err := redisstore.New(client, redisstore.Options{Timeout: patient})
	must(t, err)
	i := someone()
	i.AppMetadata["user_id"] = json.RawMessage(`"user_1"`)
	for n, change := range []func() error{
		func() error { return s.Create(t.Context(), i) },
		func() error { return s.Link(t.Context(), alice, "partner", "par_1") },
		func() error { return s.ReplaceCredential(t.Context(), alice, entry("hash"), entry("new")) },
		func() error { _, err := s.Unlink(t.Context(), "customer", "cus_1", soon()); return err },
		func() error { return s.AddProvider(t.Context(), alice, google("1"), anytime) },
		func() error { return s.RemoveProvider(t.Context(), alice, "google", soon()) },
		func() error {
			return s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()})
		},
		func() error { return s.FinishReset(t.Context(), alice, someHash, entry("newer"), soon(), nil) },
	} {
		must(t, change())
		want := n + 1
		if n > 5 {
			want = n // opening a reset changes nothing
		}
		rev, err := client.HGet(t.Context(), "auth:id:{"+alice+"}", "rev").Int()
		must(t, err)
		if rev != want {
			t.Errorf("after change %d the revision is %d, want %d", n, rev, want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	client := newEmbedded(t)
	for name, o := range map[string]redisstore.Options{
		"braces":            {Prefix: "{auth}:"},
		"an opening brace":  {Prefix: "auth{"},
		"a closing brace":   {SessionPrefix: "sess}"},
		"a space":           {Prefix: "auth :"},
		"a control":         {SessionPrefix: "sess\n"},
		"beyond ASCII":      {Prefix: "käthe:"},
		"too long":          {Prefix: strings.Repeat("a", 65)},
		"no time":           {Timeout: -1},
		"hardly any time":   {Timeout: time.Microsecond},
		"too much time":     {Timeout: time.Minute},
		"sessions too long": {Prefix: strings.Repeat("a", 60)},
	} {
		if _, err := redisstore.New(client, o); err == nil {
			t.Errorf("%s was taken: %+v", name, o)
		}
	}
	if _, err := redisstore.New(nil, redisstore.Options{}); err == nil {
		t.Error("no client was taken")
	}
	if _, err := redisstore.New(client, redisstore.Options{}); err != nil {
		t.Error(err)
	}
}
