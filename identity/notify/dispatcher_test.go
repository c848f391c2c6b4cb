package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

func TestDeliversOnceAndIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := new(memory)
		q.add(ask("r1", "a@example.com"), nil)
		q.add(ask("r2", "nobody"), nil)
		var got []string
		stop := start(t, notify.Config{Queue: q, Notifiers: one("n", notifierFunc(
			func(_ context.Context, n identity.Notification) error {
				got = append(got, n.ID+" "+n.EntityID+" "+n.Token.Reveal())
				return nil
			}))})
		time.Sleep(time.Hour)
		stop()
		if len(got) != 1 || got[0] != "r1 a@example.com token-of-r1" {
			t.Errorf("delivered %q", got)
		}
		if open, _ := q.open("n"); open != 0 {
			t.Errorf("%d requests are left, want none: nobody is to be told of the second", open)
		}
	})
}

func TestRetriesWithBackOff(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		delays []time.Duration // the longest that fit; the shortest are half of them unless exact
		exact  bool
	}{
		"an error":                            {errors.New("no"), []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}, false},
		"a receiver that asks for patience":   {wait{30 * time.Second}, []time.Duration{30, 30, 30}, true},
		"a receiver that asks for too much":   {wait{time.Hour}, []time.Duration{60, 60, 60}, true},
		"a receiver that asks for too little": {wait{time.Millisecond}, []time.Duration{1, 2, 4}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, log := new(memory), new(logs)
				q.add(ask("r1", "a@example.com"), nil)
				var at []time.Time
				stop := start(t, notify.Config{Queue: q, Logger: log.logger(), Notifiers: one("n", notifierFunc(
					func(context.Context, identity.Notification) error {
						if at = append(at, time.Now()); len(at) <= len(test.delays) {
							return fmt.Errorf("notifying: %w", test.err)
						}
						return nil
					}))})
				time.Sleep(10 * time.Minute)
				stop()
				if len(at) != len(test.delays)+1 {
					t.Fatalf("%d attempts, want %d", len(at), len(test.delays)+1)
				}
				const poll = 250 * time.Millisecond
				for i, d := range test.delays {
					longest := d * time.Second
					shortest := longest / 2
					if test.exact {
						shortest = longest
					}
					if gap := at[i+1].Sub(at[i]); gap < shortest || gap > longest+poll {
						t.Errorf("%v before attempt %d, want %v to %v", gap, i+2, shortest, longest+poll)
					}
				}
				if n := log.count("level=WARN", "not delivered yet"); n != 1 {
					t.Errorf("%d warnings, want one a request:\n%s", n, log)
				}
				if n := log.count("level=INFO", "after earlier attempts"); n != 1 {
					t.Errorf("the delivery was reported %d times:\n%s", n, log)
				}
			})
		})
	}
}

// wait is an error of a notifier that says when to come again.
type wait struct{ d time.Duration }

func (wait) Error() string               { return "busy" }
func (w wait) RetryAfter() time.Duration { return w.d }

func TestGivesUpWhenExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := new(memory), new(logs)
		q.add(ask("r1", "a@example.com"), nil)
		var last time.Time
		begin := time.Now()
		stop := start(t, notify.Config{Queue: q, Logger: log.logger(), Notifiers: one("n", notifierFunc(
			func(context.Context, identity.Notification) error {
				last = time.Now()
				return errors.New("no")
			}))})
		time.Sleep(2 * time.Hour)
		stop()
		if late := last.Sub(begin); late < 13*time.Minute || late >= 15*time.Minute {
			t.Errorf("the last attempt was made after %v", late)
		}
		if n := log.count("level=ERROR"); n != 1 || log.count("reason=notification_expired", "request_id=r1") != 1 {
			t.Errorf("want one error:\n%s", log)
		}
		if strings.Contains(log.String(), "a@example.com") {
			t.Errorf("the log names the person:\n%s", log)
		}
		if open, _ := q.open("n"); open != 0 {
			t.Error("the request is still there")
		}
	})
}

func TestGivesUpWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := new(memory), new(logs)
		q.add(identity.ResetRequest{}, errors.New("not a request"))
		stop := start(t, notify.Config{Queue: q, Logger: log.logger(), Notifiers: one("n", notifierFunc(
			func(context.Context, identity.Notification) error {
				t.Error("notified")
				return nil
			}))})
		time.Sleep(time.Hour)
		stop()
		if n := log.count("level=ERROR", "reason=request_unreadable", "entry=0"); n != 1 {
			t.Errorf("want one error:\n%s", log)
		}
		if open, _ := q.open("n"); open != 0 {
			t.Error("the request is still there")
		}
	})
}

func TestIssuingIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := new(memory), new(logs)
		q.add(ask("r1", "a@example.com"), nil)
		issued, delivered := 0, 0
		stop := start(t, notify.Config{
			Queue: q, Logger: log.logger(),
			Issue: func(ctx context.Context, r identity.ResetRequest) (*identity.Notification, error) {
				if issued++; issued < 3 {
					return nil, errDown
				}
				return issue(ctx, r)
			},
			Notifiers: one("n", notifierFunc(func(context.Context, identity.Notification) error {
				delivered++
				return nil
			})),
		})
		time.Sleep(time.Minute)
		stop()
		if issued != 3 || delivered != 1 {
			t.Errorf("issued %d times, delivered %d times", issued, delivered)
		}
		if log.count("level=WARN", "reason=redis_unavailable") != 1 {
			t.Errorf("the reason is missing:\n%s", log)
		}
	})
}

func TestSlowNotifierDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := new(memory)
		const requests = 10
		for i := range requests {
			q.add(ask(fmt.Sprint("r", i), "a@example.com"), nil)
		}
		var mu sync.Mutex
		slow, most, quick, timeouts := 0, 0, 0, 0
		release := make(chan struct{})
		stop := start(t, notify.Config{Queue: q, Notifiers: []notify.Named{
			{Name: "slow", Notifier: notifierFunc(func(ctx context.Context, _ identity.Notification) error {
				mu.Lock()
				slow++
				most = max(most, slow)
				mu.Unlock()
				defer func() {
					mu.Lock()
					defer mu.Unlock()
					slow--
				}()
				select {
				case <-release:
					return nil
				case <-ctx.Done():
					mu.Lock()
					defer mu.Unlock()
					timeouts++
					return ctx.Err()
				}
			})},
			{Name: "quick", Notifier: notifierFunc(func(context.Context, identity.Notification) error {
				mu.Lock()
				defer mu.Unlock()
				quick++
				return nil
			})},
		}})
		time.Sleep(time.Second)
		mu.Lock()
		if slow != 4 || quick != requests {
			t.Errorf("%d in the slow notifier, want 4; %d delivered by the quick one, want %d", slow, quick, requests)
		}
		mu.Unlock()
		if _, taken := q.open("slow"); taken != 4 {
			t.Errorf("%d requests are taken, want 4: the others are for whoever has time", taken)
		}
		time.Sleep(time.Minute)
		mu.Lock()
		if timeouts != 3*4 { // 20 s each, at once
			t.Errorf("%d attempts were ended, want 12", timeouts)
		}
		mu.Unlock()
		close(release)
		time.Sleep(2 * time.Minute)
		stop()
		if open, _ := q.open("slow"); open != 0 || most != 4 {
			t.Errorf("%d requests are left; at most %d were worked on at once, want 4", open, most)
		}
	})
}

func TestPanicIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := new(memory), new(logs)
		q.add(ask("r1", "a@example.com"), nil)
		attempts := 0
		stop := start(t, notify.Config{Queue: q, Logger: log.logger(), Notifiers: one("n", notifierFunc(
			func(_ context.Context, n identity.Notification) error {
				if attempts++; attempts == 1 {
					panic("about " + n.Token.Reveal())
				}
				return nil
			}))})
		time.Sleep(time.Minute)
		stop()
		if open, _ := q.open("n"); attempts != 2 || open != 0 {
			t.Errorf("%d attempts, %d requests left", attempts, open)
		}
		if log.count("panic: about [redacted]") != 1 || log.count("dispatcher_test.go") != 1 {
			t.Errorf("want the panic without the token, and where it was:\n%s", log)
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	nothing := notifierFunc(func(context.Context, identity.Notification) error { return nil })
	for name, test := range map[string]struct {
		change func(*notify.Config)
		want   string
	}{
		"complete":       {func(*notify.Config) {}, ""},
		"no queue":       {func(c *notify.Config) { c.Queue = nil }, "missing"},
		"no issue":       {func(c *notify.Config) { c.Issue = nil }, "missing"},
		"no logger":      {func(c *notify.Config) { c.Logger = nil }, "missing"},
		"no name":        {func(c *notify.Config) { c.Notifiers = one("", nothing) }, "needs a name"},
		"no notifier":    {func(c *notify.Config) { c.Notifiers = one("n", nil) }, "needs a name"},
		"same name":      {func(c *notify.Config) { c.Notifiers = append(one("n", nothing), one("n", nothing)...) }, "twice"},
		"short lease":    {func(c *notify.Config) { c.Lease = 30 * time.Second }, "too short"},
		"negative pause": {func(c *notify.Config) { c.PollEvery = -1 }, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := notify.Config{Queue: new(memory), Issue: issue, Logger: new(logs).logger(), Notifiers: one("n", nothing)}
			test.change(&c)
			_, err := notify.New(c)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}
