package limit_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

func newLimiter(t *testing.T, change func(*limit.Config)) *limit.Limiter {
	t.Helper()
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c := limit.Config{Counter: store}
	if change != nil {
		change(&c)
	}
	l, err := limit.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// named is what stands for those names, with that key.
func named(key string, names ...string) (of string) {
	for _, name := range names {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(name))
		of += base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	}
	return of
}

// Whose bucket it is: one of a household, of a site at an account, of a browser at
// an account, of all. It is told by who has the key alone.
func TestWhoseBucket(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, func(c *limit.Config) { c.Key = identity.NewSecret("the realm's") })
	other := newLimiter(t, func(c *limit.Config) { c.Key = identity.NewSecret("another's") })
	for client, networks := range map[string][2]string{
		"192.0.2.1":          {"192.0.2.1", "192.0.2.1"},
		"2001:db8:1:2::3":    {"2001:db8:1:2::/64", "2001:db8:1::/48"},
		"::ffff:192.0.2.1":   {"192.0.2.1", "192.0.2.1"},
		"":                   {},
		"no address\x00at:1": {"no address\x00at:1", "no address\x00at:1"},
	} {
		ask := func(l *limit.Limiter) (got []string) {
			verdicts, err := l.Take(t.Context(), identity.Subject{Client: client, Account: "ann", Device: "d"},
				identity.BucketLogin, identity.BucketAccount, identity.BucketNetwork, identity.BucketDevice, identity.BucketDevices, identity.BucketRegister, identity.BucketThirdPartyAll)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range verdicts {
				got = append(got, string(v.Bucket)+" "+v.Of)
			}
			return got
		}
		of := func(names ...string) string { return named("the realm's", names...) }
		want := []string{
			"account " + of("ann"), "network " + of("ann", networks[1]), "device " + of("ann", "d"), "devices " + of("ann"), "third_party_all " + of(""),
		}
		if client != "" {
			want = slices.Insert(want, 4, "register "+of(networks[0]))
			want = slices.Insert(want, 0, "login "+of(networks[0]))
		}
		got := ask(l)
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", client, got, want)
		}
		for _, name := range ask(other) {
			if slices.Contains(got, name) {
				t.Errorf("%q: %s is named alike with another key", client, name)
			}
		}
	}
}

// An account is unlocked for all clients and browsers, and no other.
func TestUnlock(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, func(c *limit.Config) {
		c.Rates = map[identity.Bucket]limit.Rate{identity.BucketDevices: {}} // which is not limited
		for _, name := range []identity.Bucket{identity.BucketLogin, identity.BucketAccount, identity.BucketNetwork, identity.BucketDevice, identity.BucketResetAccount} {
			c.Rates[name] = limit.Rate{Events: 4, Window: 400 * time.Hour}
		}
	})
	// used returns how full the buckets are that one more event is counted in.
	used := func(s identity.Subject) (quarters []int) {
		verdicts, err := l.Take(t.Context(), s, identity.BucketLogin, identity.BucketAccount, identity.BucketNetwork, identity.BucketDevice, identity.BucketDevices, identity.BucketResetAccount)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range verdicts {
			quarters = append(quarters, int(math.Round(4*v.Used)))
		}
		return quarters
	}
	for n := range 3 {
		used(identity.Subject{Client: fmt.Sprint("192.0.2.", n), Account: "ann", Device: fmt.Sprint(n)})
		used(identity.Subject{Client: "198.51.100.1", Account: "bob", Device: "b"})
	}
	for _, want := range []int{1 + 3 + 3, 0} {
		if n, err := l.Unlock(t.Context(), "ann"); err != nil || n != want {
			t.Errorf("%d were emptied, want %d: %v", n, want, err)
		}
	}
	if got := used(identity.Subject{Client: "192.0.2.1", Account: "ann", Device: "1"}); !slices.Equal(got, []int{2, 1, 1, 1, 4}) {
		t.Errorf("ann: login, account, network, device and reset are at %d quarters", got)
	}
	if got := used(identity.Subject{Client: "198.51.100.1", Account: "bob", Device: "b"}); !slices.Equal(got, []int{4, 4, 4, 4, 4}) {
		t.Errorf("bob: they are at %d quarters", got)
	}
}

// What is off counts nowhere, nor do trusted clients where they would by address.
func TestWhatIsNotLimited(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, func(c *limit.Config) {
		c.Rates = map[identity.Bucket]limit.Rate{identity.BucketRegister: {}, identity.BucketAccount: {Events: 2, Window: 100 * time.Hour}}
		c.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	})
	for client, want := range map[string]int{"10.1.2.3": 1, "::ffff:10.1.2.3": 1, "2001:db8:5::1": 1, "11.0.0.1": 2, "nobody": 2} {
		verdicts, err := l.Take(t.Context(), identity.Subject{Client: client, Account: client}, identity.BucketLogin, identity.BucketRegister, identity.BucketAccount)
		if err != nil || len(verdicts) != want {
			t.Errorf("%s: %+v, %v", client, verdicts, err)
		}
	}
	verdicts, err := l.Take(t.Context(), identity.Subject{Client: "10.1.2.3"}, identity.BucketLogin)
	if err != nil || len(verdicts) != 0 || l.Refund(t.Context(), verdicts) != nil || l.Clear(t.Context(), identity.Subject{Client: "10.1.2.3"}, identity.BucketLogin) != nil {
		t.Errorf("%+v, %v", verdicts, err)
	}
}

func TestRefundAndClear(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, func(c *limit.Config) {
		c.Rates = map[identity.Bucket]limit.Rate{identity.BucketAccount: {Events: 2, Window: 100 * time.Hour}}
	})
	ann := identity.Subject{Account: "ann"}
	take := func() identity.Verdict {
		verdicts, err := l.Take(t.Context(), ann, identity.BucketAccount)
		if err != nil || len(verdicts) != 1 {
			t.Fatal(verdicts, err)
		}
		return verdicts[0]
	}
	first, _ := take(), take()
	refused := take()
	if !first.Allowed || refused.Allowed || refused.Wait <= 49*time.Hour || refused.Wait > 50*time.Hour {
		t.Errorf("%+v, %+v", first, refused)
	}
	if err := l.Refund(t.Context(), []identity.Verdict{refused}); err != nil || take().Allowed { // it took nothing
		t.Errorf("what was refused is given back, %v", err)
	}
	if err := l.Refund(t.Context(), []identity.Verdict{first}); err != nil || !take().Allowed || take().Allowed {
		t.Errorf("not one is given back, %v", err)
	}
	if err := l.Clear(t.Context(), ann, identity.BucketAccount); err != nil || !take().Allowed || !take().Allowed || take().Allowed {
		t.Errorf("it is not emptied, %v", err)
	}
}

func TestRatesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, rate := range limit.Defaults() {
		if err := limit.Check(string(name), rate); err != nil {
			t.Error(err)
		}
	}
	for _, rate := range []limit.Rate{{Events: 1}, {Window: time.Hour}, {Events: -1, Window: time.Hour}, {Events: 2, Window: time.Millisecond}, {Events: 1, Window: 721 * time.Hour}, {Events: 2_000_000, Window: time.Hour}} {
		if _, err := limit.New(limit.Config{Counter: new(redisstore.Store), Rates: map[identity.Bucket]limit.Rate{identity.BucketLogin: rate}}); err == nil {
			t.Errorf("%+v is taken", rate)
		}
	}
	_, err := limit.New(limit.Config{Counter: new(redisstore.Store), Rates: map[identity.Bucket]limit.Rate{"logins": {}}})
	if err == nil || !strings.Contains(err.Error(), `"logins"`) || !strings.Contains(err.Error(), strings.Join(limit.Names(), ", ")) {
		t.Errorf("got %v", err)
	}
	if _, err := limit.New(limit.Config{}); err == nil {
		t.Error("nothing counts")
	}
}
