package verify_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func recordOf(c identity.Claims) *session.Record {
	return &session.Record{Latest: c.ActorType, Contexts: map[string]identity.Claims{c.ActorType: c}}
}

// A signature is checked once.
func TestTokenIsParsedOnce(t *testing.T) {
	t.Parallel()
	w := newPerson()
	for _, maxAge := range []time.Duration{0, maxAge} {
		v := w.newVerifier(t, maxAge)
		before := w.count("parse b")
		for range 3 {
			wantVerdict(t, v, request(t, "", "b"), "bearer cus_1")
		}
		if n := w.count("parse b") - before; n != 1 {
			t.Errorf("age %s: parsed %d times", maxAge, n)
		}
	}
}

// A token that was refused is looked at again: it may be good by then.
func TestRefusedTokenIsNotRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.newVerifier(t, maxAge)
	for range 2 {
		wantVerdict(t, v, request(t, "", "b"), "nobody, token_signature")
	}
	if n := w.count("parse b"); n != 2 {
		t.Errorf("parsed %d times", n)
	}
	w.login("b", "authid_1", "customer", "cus_1")
	wantVerdict(t, v, request(t, "", "b"), "bearer cus_1")
}

// The end of a token counts although its signature is known to be good.
func TestCachedTokenExpires(t *testing.T) {
	t.Parallel()
	for _, leeway := range []time.Duration{0, 30 * time.Second} {
		t.Run("leeway "+leeway.String(), func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			w.leeway = leeway
			v := w.newVerifier(t, 48*time.Hour)
			wantVerdict(t, v, request(t, "", "b"), "bearer cus_1")
			end := time.Unix(w.tokens["b"].ExpiresAt, 0)
			for _, step := range []struct {
				at   time.Time
				want string
			}{
				{end.Add(-1), "bearer cus_1"},
				{end.Add(leeway - 1), "bearer cus_1"},
				{end.Add(leeway), "nobody, token_expired"},
				{end.Add(leeway + time.Hour), "nobody, token_expired"},
			} {
				w.change(func() { w.now = step.at })
				for range 2 {
					wantVerdict(t, v, request(t, "", "b"), step.want)
				}
			}
		})
	}
}

// Tokens that are alike in every way but one byte, or in all but the white space
// around them: each gives its own claims, first and from the cache, and a change
// of a good one gives none. (attacks.md F6)
func TestTokensAreKeptApart(t *testing.T) {
	t.Parallel()
	w := newWorld()
	base := strings.Repeat("a", 300)
	tokens := []string{base, base + "a", base[1:], base[:100] + "b" + base[101:], base[:299] + "A", "b" + base[1:]}
	for n, raw := range tokens {
		w.login(raw, fmt.Sprintf("authid_%d", n), "customer", fmt.Sprintf("cus_%d", n))
	}
	v := w.newVerifier(t, maxAge)
	for range 2 {
		for n, raw := range tokens {
			want := fmt.Sprintf("bearer cus_%d", n)
			wantVerdict(t, v, request(t, "", raw), want)
			wantVerdict(t, v, request(t, "", "\t "+raw+" "+tokens[(n+1)%len(tokens)]), want)
			wantVerdict(t, v, request(t, "", raw+"."), "nobody, token_signature")
			wantVerdict(t, v, request(t, "", strings.ToUpper(raw)), "nobody, token_signature")
		}
	}
}

// More tokens than the cache has places for, from many at once: everybody gets
// their own. (attacks.md F6)
func TestTokensOfManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	const people = 40
	for n := range people {
		w.login(fmt.Sprintf("token-%d", n), fmt.Sprintf("authid_%d", n), "customer", fmt.Sprintf("cus_%d", n))
		w.session(fmt.Sprintf("sid-%d", n), w.claims(fmt.Sprintf("authid_%d", n), "customer", fmt.Sprintf("cus_%d", n)))
	}
	v, err := verify.New(verify.Config{Tokens: w, Identities: w, Sessions: w, MaxAge: maxAge, Entries: 7, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for n := range people {
		group.Go(func() {
			want := fmt.Sprintf("session cus_%d, bearer cus_%d", n, n)
			for range 20 {
				wantVerdict(t, v, request(t, fmt.Sprintf("sid-%d", n), fmt.Sprintf("token-%d", n)), want)
			}
		})
	}
	group.Wait()
}

// The caller carries the very token, and nothing of the field around it.
func TestCallerToken(t *testing.T) {
	t.Parallel()
	w := newPerson()
	v := w.newVerifier(t, maxAge)
	for range 2 {
		result, err := v.Request(request(t, "", "  b  and more"))
		if err != nil || result.Anonymous() {
			t.Fatal(result, err)
		}
		if c := result.Callers[0]; c.Authorization != "Bearer b" || c.Method != verify.Bearer || c.Claims.IdentityID != "authid_1" {
			t.Errorf("caller %+v", c)
		}
	}
}

// What somebody must be able to rely on is not refused by what is cached: the
// store says it anew, once it would outlive its master.
func TestRefusedForSure(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.newVerifier(t, time.Hour)
	w.valid["authid_1"] = start
	w.tokens["old"] = identity.Claims{IdentityID: "authid_1", ActorType: "customer", IssuedAt: start.Add(-time.Hour).Unix(), ExpiresAt: start.Add(time.Hour).Unix()}
	refusal := func(ctx context.Context) string {
		_, err := v.VerifyBearer(ctx, "old")
		return identity.ReasonOf(err)
	}
	for range 2 {
		if got := refusal(t.Context()); got != "revoked" || w.count("state authid_1") != 1 {
			t.Fatalf("got %s after %d questions", got, w.count("state authid_1"))
		}
	}
	sure := identity.Durable(t.Context())
	if got := refusal(sure); got != "revoked" || w.count("state authid_1") != 2 {
		t.Errorf("for sure: got %s after %d questions", got, w.count("state authid_1"))
	}
	w.failures["state authid_1"] = identity.Unavailable("write_not_replicated", nil)
	if got := refusal(sure); got != "write_not_replicated" {
		t.Errorf("not replicated: got %s", got)
	}
	if got := refusal(t.Context()); got != "revoked" {
		t.Errorf("from the cache: got %s", got)
	}
	w.failures["state authid_1"], w.valid["authid_1"] = nil, start.Add(-2*time.Hour)
	if got, err := v.VerifyBearer(sure, "old"); err != nil || got.IdentityID != "authid_1" {
		t.Errorf("got %v, %v", got, err)
	}
}
