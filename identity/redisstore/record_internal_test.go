package redisstore

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// FuzzRecord: whatever is in Redis, it is an identity that can be written again
// as it is, or it is said to be unreadable.
func FuzzRecord(f *testing.F) {
	const head = "v\n1\nrev\n1\nvalid_from\n0\ncreated_at\n1795280074263\nupdated_at\n1795280074263\nclaim\nAAAAAAAA"
	for _, seed := range []string{
		head,
		head + "\napp:customer_id\n\"cus_1\"\napp:\nnull",
		head + "\npi:emailpass\n{\"entity_id\":\"A@shop.example\",\"key\":\"a@shop.example\",\"credential\":\"$argon2id$\",\"updated_at\":1}",
		head + "\npi:google\n{\"entity_id\":\"1\",\"key\":\"1\",\"user_metadata\":{\"a\":[1.50,\"<&>\\u2028\"]}}\npending\n1",
		"v\n2", "v\n-1", "v", "",
		head + "\nvalid_from\n9223372036854775807",
		head + "\ncreated_at\n253402300800000",
		head + "\npi:a\n{\"entity_id\":\"\xff\",\"key\":\"\xff\"}",
		head + "\npi:a\n{\"Key\":\"a\",\"ENTITY_ID\":\"b\",\"user_metadata\":null}",
		head + "\npi:a\n[[[[",
		head + "\npi:google\n{\"entity_id\":\"1\",\"key\":\"1\",\"verified_email\":\"käthe@mail.example\"}\nclaim:google\nBBBBBBBB",
		head + "\npi:a\n{\"entity_id\":\"1\",\"key\":\"1\",\"verified_email\":\"ÿ\"}\nclaim:\n\nclaim:b\nc",
		head + "\npi:a\n{\"entity_id\":\"1\",\"key\":\"1\"}\nadd:google\n{\"claim\":\"BBBBBBBB\",\"entry\":{\"entity_id\":\"1\",\"key\":\"1\",\"verified_email\":\"a\"}}",
		head + "\nadd:a\n{\"claim\":\"\",\"entry\":{}}",
		head + "\nadd:a\n{\"claim\":\"a\",\"entry\":null}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields := map[string]string{}
		lines := strings.Split(text, "\n")
		for n := 0; n+1 < len(lines); n += 2 {
			fields[lines[n]] = lines[n+1]
		}
		r, err := decodeRecord("authid_1", fields)
		if err != nil {
			if identity.CodeOf(err) != identity.CodeUnavailable {
				t.Errorf("an error of another code: %v", err)
			}
			return
		}
		if len(fields) == 0 {
			if r != nil {
				t.Errorf("nothing gave %+v", r)
			}
			return
		}
		if len(r.Providers) == 0 { // is read, but never written
			return
		}
		again, err := encodeIdentity(&r.Identity)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		fields = map[string]string{fieldClaim: r.claim}
		for n := 0; n < len(again); n += 2 {
			fields[again[n]] = again[n+1]
		}
		if r.pending {
			fields[fieldPending] = "1"
		}
		for provider, claim := range r.claims {
			fields[prefixClaim+provider] = claim
		}
		for provider, a := range r.additions {
			fields[prefixAddition+provider] = a.note
			if _, err := encodeProvider(a.entry); err != nil || a.claim == "" {
				t.Errorf("an addition that cannot be completed: %+v, %v", a, err)
			}
		}
		got, err := decodeRecord("authid_1", fields)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		normalise(r)
		normalise(got)
		if !reflect.DeepEqual(got, r) {
			t.Errorf("read    %+v\nwritten %+v", r, got)
		}
	})
}

// normalise takes away the one difference that a second writing makes: space
// in the user metadata.
func normalise(r *record) {
	for provider, p := range r.Providers {
		text, err := encodeProvider(p)
		if err == nil {
			p, err = decodeProvider(provider, text)
		}
		if err == nil {
			r.Providers[provider] = p
		}
	}
}

// FuzzReset: the value of a reset is read by Go here and by Lua in the scripts.
func FuzzReset(f *testing.F) {
	hash := strings.Repeat("ab", 32)
	for _, seed := range []string{
		"1795280074263 1795280974263 " + hash + " open", "1795280074263 1795280974263 " + hash + " used",
		"", "    ", "1 2 3 open", "a b c open", "1 9223372036854775808 " + hash + " open", hash,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		open, err := resetIsOpen(value, hash, time.UnixMilli(1795280074264))
		if err != nil && identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("an error of another code: %v", err)
		}
		if open && (err != nil || !strings.Contains(value, hash) || !strings.HasSuffix(value, " open")) {
			t.Errorf("%q is open, %v", value, err)
		}
	})
}

// FuzzAttempt: whatever is in Redis, it is an attempt that can be kept again as
// it is, or it is said to be unreadable.
func FuzzAttempt(f *testing.F) {
	whole, err := encodeAttempt(identity.Attempt{
		Provider: "google", ActorType: "customer", Host: strings.Repeat("5", 64), CallbackURL: "https://shop.example/?a=<b>",
		Verifier: identity.NewSecret("verifier"), Nonce: "nonce", Browser: "ab", Returned: true, LinkTo: "authid_1",
		ExpiresAt: time.UnixMilli(1795280074263),
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		whole, "", "null", "{}", "[]", `{"provider":"google"}`, `{"expires_at":1}`,
		`{"provider":"google","expires_at":1}`, `{"provider":"google","expires_at":253402300800000}`,
		`{"provider":"google","expires_at":-1}`, `{"provider":"google","expires_at":1e3}`,
		"{\"provider\":\"\xff\",\"HOST\":\"\\ud800\",\"expires_at\":1}", `{"provider":"a","provider":"b","expires_at":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		a, err := decodeAttempt(value)
		if err != nil {
			if identity.CodeOf(err) != identity.CodeUnavailable || !reflect.DeepEqual(a, identity.Attempt{}) {
				t.Errorf("got %+v, %v", a, err)
			}
			return
		}
		if a.Provider == "" || a.ExpiresAt.IsZero() {
			t.Errorf("an attempt that is not complete: %+v", a)
		}
		again, err := encodeAttempt(a)
		if err != nil {
			t.Fatalf("what was read cannot be kept: %v", err)
		}
		if got, err := decodeAttempt([]byte(again)); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("read %+v\nkept %+v, %v", a, got, err)
		}
	})
}
