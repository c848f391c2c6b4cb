package notify

import (
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"4294967295":                    24 * time.Hour,
		"99999999999999999999":          0,
		"-5":                            0,
		"+5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Sat, 21 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Sat, 21 Nov 2026 11:00:00 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("Retry-After: %s means %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "120", "-1", "99999999999999999999", "Sat, 21 Nov 2026 12:00:30 GMT", "Saturday, 21-Nov-26 12:00:30 GMT"} {
		f.Add(seed, int64(1_795_262_400))
	}
	f.Fuzz(func(t *testing.T, value string, now int64) {
		if d := retryAfter(value, time.Unix(now, 0)); d < 0 || d > 24*time.Hour {
			t.Errorf("Retry-After: %q means %v", value, d)
		}
	})
}

func TestBackOff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		failures int
		longest  time.Duration
	}{{1, time.Second}, {2, 2 * time.Second}, {6, 32 * time.Second}, {7, time.Minute}, {1 << 30, time.Minute}, {0, time.Second}} {
		low, high := time.Hour, time.Duration(0)
		for range 1000 {
			d := backOff(test.failures, time.Second, time.Minute)
			low, high = min(low, d), max(high, d)
		}
		// Both ends of the range are met within a tenth, but for one run in e^200.
		if low < test.longest/2 || low > test.longest*6/10 || high > test.longest || high < test.longest*9/10 {
			t.Errorf("after %d failures: %v to %v, want %v to %v", test.failures, low, high, test.longest/2, test.longest)
		}
	}
}
