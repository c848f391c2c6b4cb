package verify_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// caller returns the one whom the request proves.
func caller(t *testing.T, v *verify.Verifier, sid, raw string) *verify.Caller {
	t.Helper()
	result, err := v.Request(request(t, sid, raw))
	if err != nil || len(result.Callers) != 1 {
		t.Fatal(result, err)
	}
	return result.Callers[0]
}

func authorization(t *testing.T, m *verify.Minter, c *verify.Caller) string {
	t.Helper()
	value, err := m.Authorization(c)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func mintedFor(issuedAt int64) string {
	return fmt.Sprintf("Bearer minted for customer cus_1 from %d to %d", issuedAt, issuedAt+300)
}

// What the backend gets has limits of its own: neither the end of the token nor
// that of the one that a session was made of. A login just after a revocation is
// dated ahead; what is forwarded must be no older.
func TestMintedTimes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	c := w.claims("authid_1", "customer", "cus_1")
	c.ExpiresAt = c.IssuedAt + 4
	w.session("s", c)
	c.IssuedAt = start.Unix() + 7200
	w.session("ahead", c)
	v, m := w.newVerifier(t, maxAge), verify.NewMinter(w, w.clock)
	w.forward(time.Hour)
	if got, want := authorization(t, m, caller(t, v, "s", "")), mintedFor(w.clock().Unix()); got != want {
		t.Errorf("forwarded %q, want %q", got, want)
	}
	if got, want := authorization(t, m, caller(t, v, "ahead", "")), mintedFor(start.Unix()+7200); got != want {
		t.Errorf("forwarded %q, want %q", got, want)
	}
}

// However long callers are remembered, the backend never gets a token that is
// about to end, and none is signed more often than needed.
func TestMintedTokensAreRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.login("b", "authid_1", "customer", "cus_1")
	w.session("s", w.claims("authid_1", "customer", "cus_1"))
	v, m := w.newVerifier(t, 24*time.Hour), verify.NewMinter(w, w.clock)
	for _, credential := range [][2]string{{"s", ""}, {"", "b"}} {
		seen := map[string]bool{}
		for range 60 {
			token := authorization(t, m, caller(t, v, credential[0], credential[1]))
			seen[token] = true
			var issuedAt, expiresAt int64
			if _, err := fmt.Sscanf(token, "Bearer minted for customer cus_1 from %d to %d", &issuedAt, &expiresAt); err != nil {
				t.Fatal(err)
			}
			if left := time.Unix(expiresAt, 0).Sub(w.clock()); left < 149*time.Second || left > 300*time.Second {
				t.Errorf("forwarded a token that lasts another %s", left)
			}
			w.forward(10 * time.Second)
		}
		if len(seen) != 4 {
			t.Errorf("%v: %d tokens in 10 minutes, want 4", credential, len(seen))
		}
	}
	if n := w.count("mint customer"); n != 8 {
		t.Errorf("signed %d times, want 8", n)
	}
}

// Two backends of one realm never get each other's tokens, and a clock that was
// set back prolongs none.
func TestMintedTokensAreKeptApart(t *testing.T) {
	t.Parallel()
	w, other := newWorld(), newWorld()
	w.login("b", "authid_1", "customer", "cus_1")
	c := caller(t, w.newVerifier(t, maxAge), "", "b")
	one, two := verify.NewMinter(w, w.clock), verify.NewMinter(other, other.clock)
	for range 2 {
		authorization(t, one, c)
		authorization(t, two, c)
	}
	if w.count("mint customer") != 2 || other.count("mint customer") != 2 {
		t.Error("a token of one backend was taken for one of the other")
	}
	authorization(t, two, c)
	other.forward(-time.Hour)
	authorization(t, two, c)
	if n := other.count("mint customer"); n != 3 {
		t.Errorf("signed %d times, want 3", n)
	}
}

// When the backend gets to know an identity the next token says so, and a token
// that was parsed before is not parsed again.
func TestBackendID(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.login("b", "authid_1", "customer", "cus_1")
	w.session("s", w.claims("authid_1", "customer", "cus_1"))
	v := w.newVerifier(t, maxAge)
	for _, want := range []string{"", "authid_there", "authid_new"} {
		w.change(func() { w.backendIDs["authid_1"] = want })
		v.Forget("authid_1")
		for range 3 {
			for _, c := range []*verify.Caller{caller(t, v, "s", ""), caller(t, v, "", "b")} {
				if c.BackendID != want || c.Claims.IdentityID != "authid_1" {
					t.Errorf("%s caller %q known as %q, want %q", c.Method, c.Claims.IdentityID, c.BackendID, want)
				}
			}
			if one, two := caller(t, v, "s", ""), caller(t, v, "s", ""); one != two {
				t.Error("the session's caller is made anew for every request")
			}
			if one, two := caller(t, v, "", "b"), caller(t, v, "", "b"); one != two {
				t.Error("the bearer's caller is made anew for every request")
			}
		}
	}
	if n := w.count("parse b"); n != 1 {
		t.Errorf("parsed %d times", n)
	}
	c := identity.Claims{IdentityID: "authid_1"}
	if got := verify.Forwarded(c, "", start).IdentityID; got != "authid_1" {
		t.Errorf("without an id of the backend's own: %q", got)
	}
	if got := verify.Forwarded(c, "authid_there", start).IdentityID; got != "authid_there" {
		t.Errorf("with an id of the backend's own: %q", got)
	}
}

func TestMintingFails(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.login("b", "authid_1", "customer", "cus_1")
	failure := errors.New("no key")
	w.failures["mint customer"] = failure
	if _, err := verify.NewMinter(w, w.clock).Authorization(caller(t, w.newVerifier(t, maxAge), "", "b")); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
}
