package token_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// The tokens in testdata were recorded from a real Medusa 2.21.2, or were sent
// to it by the recorder.
const recordedSecret = "reference-jwt-secret"

type recorded struct {
	Name  string
	At    int64 // when it was presented
	Token string
	// What becomes of it as an access and as a reset token: "identical"
	// (accepted, and its claims give the same token again), "accepted", or the
	// reason of the refusal.
	Access, Reset string
}

func readRecorded(t *testing.T, name string) (list []recorded) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func checkRecorded(t *testing.T, want, raw string, err error, again func() string) {
	t.Helper()
	switch want {
	case "identical", "accepted":
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		if again := again(); want == "identical" && again != raw {
			t.Errorf("minted again:\n%s\nwant\n%s", again, raw)
		}
	default:
		wantReason(t, err, want)
	}
}

func TestRecordedTokens(t *testing.T) {
	t.Parallel()
	for _, r := range readRecorded(t, "testdata/medusa-hs256.json") {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			ring := newRing(t, token.Config{
				Keys:  []token.Key{secretKey(t, recordedSecret)},
				Clock: func() time.Time { return time.Unix(r.At, 0) },
			})
			c, err := ring.ParseAccess(r.Token)
			checkRecorded(t, r.Access, r.Token, err, func() string { return access(t, ring, *c) })

			rc, err := ring.ParseReset(r.Token)
			checkRecorded(t, r.Reset, r.Token, err, func() string {
				s, err := ring.Reset(*rc)
				if err != nil {
					t.Fatal(err)
				}
				return s.Reveal()
			})
		})
	}
}

// TestRecordedRS256 takes the tokens of a Medusa with asymmetric keys and the
// issuer `medusa`. Its public key is in testdata; the confusion token is signed
// with the text of that file as an HMAC secret.
func TestRecordedRS256(t *testing.T) {
	t.Parallel()
	pem, err := os.ReadFile("testdata/medusa-rs256.pem")
	if err != nil {
		t.Fatal(err)
	}
	public := parse(t, pem)
	reasons := map[string]struct{ asymmetric, mixed string }{
		"RS256 config: me":                                           {"", ""},
		"RS256 config: minted RS256 without iss":                     {"token_claims", "token_claims"},
		"RS256 config: HS256 signed with the public key (confusion)": {"token_algorithm", "token_signature"},
		"RS256 config: HS256 with the old shared secret":             {"token_algorithm", "token_signature"},
	}
	list := readRecorded(t, "testdata/medusa-rs256.json")
	if len(list) != len(reasons) {
		t.Fatalf("got %d tokens, want %d", len(list), len(reasons))
	}
	for _, r := range list {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			want, ok := reasons[r.Name]
			if !ok {
				t.Fatal("not expected")
			}
			config := token.Config{Issuer: "medusa", Clock: func() time.Time { return time.Unix(r.At, 0) }}
			config.Keys = []token.Key{parse(t, p256PEM()), public}
			_, err := newRing(t, config).ParseAccess(r.Token)
			wantReason(t, err, want.asymmetric)
			// A ring that has a secret too must not use the public key as one.
			config.Keys = []token.Key{secretKey(t, secret), public}
			_, err = newRing(t, config).ParseAccess(r.Token)
			wantReason(t, err, want.mixed)

			if strings.Contains(r.Name, "confusion") && !genuineHMAC(t, r.Token, string(pem)) {
				t.Error("the vector is not what it is named for")
			}
		})
	}
}

// genuineHMAC verifies with nothing but the standard library.
func genuineHMAC(t testing.TB, raw, key string) bool {
	t.Helper()
	n := strings.LastIndexByte(raw, '.')
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(raw[:n]))
	return hmac.Equal([]byte(decode(t, raw[n+1:])), mac.Sum(nil))
}
