package identity

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		verdicts []Verdict
		want     time.Duration
	}{
		"none":            {nil, 0},
		"half":            {[]Verdict{{Bucket: BucketAccount, Used: 0.5}}, 0},
		"three quarters":  {[]Verdict{{Bucket: BucketAccount, Used: 0.75}}, time.Second},
		"full":            {[]Verdict{{Bucket: BucketAccount, Used: 1}}, 2 * time.Second},
		"the fullest":     {[]Verdict{{Bucket: BucketNetwork, Used: 0.75}, {Bucket: BucketAccount, Used: 0.6}}, time.Second},
		"a known browser": {[]Verdict{{Bucket: BucketDevice, Used: 0.75}}, time.Second},
		// A client that logs many people in is no account.
		"other buckets": {[]Verdict{{Bucket: BucketLogin, Used: 1}, {Bucket: BucketMigrationAll, Used: 1}}, 0},
	} {
		if got := max(delay(test.verdicts), 0); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// No more than so many are held up at once, whoever gives up is not, and others go
// on at once.
func TestSlowdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowdown()
		begun := time.Now()
		var all sync.WaitGroup
		wait := func(ctx context.Context, want time.Duration, wantErr error) {
			err := s.wait(ctx, time.Second)
			if took := time.Since(begun); took != want || !errors.Is(err, wantErr) || err != nil && CodeOf(err) != CodeUnavailable {
				t.Errorf("after %s: %v; want %s, %v", took, err, want, wantErr)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		all.Go(func() { wait(gone, time.Millisecond, context.Canceled) })
		for range maxDelayed - 1 {
			all.Go(func() { wait(t.Context(), time.Second, nil) })
		}
		synctest.Wait()
		wait(t.Context(), 0, nil)
		time.Sleep(time.Millisecond)
		leave()
		synctest.Wait()
		all.Go(func() { wait(t.Context(), time.Second+time.Millisecond, nil) }) // in the place that became free
		all.Wait()
		if err := s.wait(t.Context(), 0); err != nil || len(s) != 0 {
			t.Errorf("%d are still held up, %v", len(s), err)
		}
	})
}
