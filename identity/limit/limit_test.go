package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	for client, want := range map[string][2]string{
		"192.0.2.1":            {"192.0.2.1", "192.0.2.1"},
		"::ffff:192.0.2.1":     {"192.0.2.1", "192.0.2.1"},
		"2001:db8:1:2:3:4:5:6": {"2001:db8:1:2::/64", "2001:db8:1::/48"},
		"2001:db8:1:3::1":      {"2001:db8:1:3::/64", "2001:db8:1::/48"},
		"fe80::1%eth0":         {"fe80::/64", "fe80::/48"},
		"a name":               {"a name", "a name"},
		"192.0.2.1:80":         {"192.0.2.1:80", "192.0.2.1:80"},
		"":                     {"", ""},
	} {
		if got := [2]string{limit.Network(client, limit.Household), limit.Network(client, limit.Site)}; got != want {
			t.Errorf("%q: got %q, want %q", client, got, want)
		}
	}
}

func newBuckets(t *testing.T) *limit.Buckets {
	b, err := limit.NewBuckets(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	b, clock := newBuckets(t), identitytest.NewClock()
	for n, step := range []struct {
		name string
		ago  time.Duration
		want bool
	}{
		{"a", 0, true}, {"a", 0, true}, {"a", 0, false}, {"b", 0, true}, {"a", 999 * time.Millisecond, false},
		{"a", time.Millisecond, true}, {"a", 0, false}, {"a", time.Hour, true}, {"a", 0, true}, {"a", 0, false},
	} {
		clock.Forward(step.ago)
		if b.Allow(step.name, clock.Now()) != step.want {
			t.Errorf("step %d: want %v", n, step.want)
		}
	}
}

// Names that nobody uses any more are forgotten, those in use are not.
func TestBucketsForget(t *testing.T) {
	t.Parallel()
	b, now := newBuckets(t), time.Now()
	b.Allow("idle", now)
	b.Allow("idle", now)
	b.Allow("busy", now)
	for n := range limit.Remembered {
		b.Allow(fmt.Sprint(n), now)
		if b.Allow("busy", now) != (n == 0) {
			t.Fatalf("busy was forgotten after %d others", n)
		}
	}
	if !b.Allow("idle", now) {
		t.Error("idle is remembered")
	}
}
