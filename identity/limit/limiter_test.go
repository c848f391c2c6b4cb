package limit_test

import (
	"net/netip"
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

// Whose bucket it is: one of a household, of a site at an account, of a browser at
// an account, of all.
func TestWhoseBucket(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, nil)
	for client, want := range map[string]string{
		"192.0.2.1":          "login 192.0.2.1; account ann; network 192.0.2.1 ann; device d ann; devices ann; register 192.0.2.1; third_party_all ",
		"2001:db8:1:2::3":    "login 2001:db8:1:2::/64; account ann; network 2001:db8:1::/48 ann; device d ann; devices ann; register 2001:db8:1:2::/64; third_party_all ",
		"::ffff:192.0.2.1":   "login 192.0.2.1; account ann; network 192.0.2.1 ann; device d ann; devices ann; register 192.0.2.1; third_party_all ",
		"":                   "account ann; network  ann; device d ann; devices ann; third_party_all ",
		"no address\x00at:1": "login no address\x00at:1; account ann; network no address\x00at:1 ann; device d ann; devices ann; register no address\x00at:1; third_party_all ",
	} {
		verdicts, err := l.Take(t.Context(), identity.Subject{Client: client, Account: "ann", Device: "d"},
			identity.BucketLogin, identity.BucketAccount, identity.BucketNetwork, identity.BucketDevice, identity.BucketDevices, identity.BucketRegister, identity.BucketThirdPartyAll)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range verdicts {
			got = append(got, string(v.Bucket)+" "+v.Of)
		}
		if text := strings.Join(got, "; "); text != want {
			t.Errorf("%q: got %q, want %q", client, text, want)
		}
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
