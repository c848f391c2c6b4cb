package notify_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

func TestQueueOutageIsReportedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := new(memory), new(logs)
		delivered := 0
		stop := start(t, notify.Config{Queue: q, Logger: log.logger(), Notifiers: one("n", notifierFunc(
			func(context.Context, identity.Notification) error {
				delivered++
				return nil
			}))})
		time.Sleep(time.Minute)
		q.add(ask("r1", "a@example.com"), nil)
		q.setDown(true)
		time.Sleep(5 * time.Minute)
		q.setDown(false)
		time.Sleep(15 * time.Second)
		stop()
		if delivered != 1 {
			t.Errorf("delivered %d times", delivered)
		}
		for _, what := range []string{"the reset queue", "sweeping the reset queue"} {
			if log.count("level=ERROR", `"`+what+" does not work") != 1 || log.count("level=INFO", `"`+what+" works again") != 1 {
				t.Errorf("want one line for the beginning and one for the end:\n%s", log)
			}
		}
		// A pause of 2.5 s to 5 s, and a sweep every 10 s.
		if q.calls < 60+30 || q.calls > 140+31 {
			t.Errorf("the queue was asked %d times in 5 minutes", q.calls)
		}
	})
}

func TestOutageAfterDeliveryRepeatsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := new(memory)
		q.add(ask("r1", "a@example.com"), nil)
		delivered := 0
		stop := start(t, notify.Config{Queue: q, Notifiers: one("n", notifierFunc(
			func(context.Context, identity.Notification) error {
				delivered++
				q.setDown(true)
				return nil
			}))})
		time.Sleep(45 * time.Second)
		q.setDown(false)
		time.Sleep(time.Hour)
		stop()
		if open, _ := q.open("n"); delivered != 1 || open != 0 {
			t.Errorf("delivered %d times, %d requests left", delivered, open)
		}
	})
}

func TestEndInMidDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := new(memory), new(logs)
		q.add(ask("r1", "a@example.com"), nil)
		var got []string
		hanging := make(chan struct{})
		notifier := notifierFunc(func(ctx context.Context, n identity.Notification) error {
			if got = append(got, n.ID+" "+n.Token.Reveal()); len(got) == 1 {
				close(hanging)
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		stop := start(t, notify.Config{Queue: q, Logger: log.logger(), Notifiers: one("n", notifier)})
		<-hanging
		ending := time.Now()
		stop()
		if took := time.Since(ending); took != 0 {
			t.Errorf("the end took %v", took)
		}
		if log.count("level=WARN")+log.count("level=ERROR") != 0 {
			t.Errorf("the end of the process is reported as a failure:\n%s", log)
		}
		stop = start(t, notify.Config{Queue: q, Notifiers: one("n", notifier)})
		synctest.Wait()
		if len(got) != 2 || got[0] != got[1] {
			t.Errorf("delivered %q, want the same again at once", got)
		}
		time.Sleep(time.Hour)
		stop()
		if open, _ := q.open("n"); open != 0 || len(got) != 2 {
			t.Errorf("%d requests left, delivered %q", open, got)
		}
	})
}

func TestEndAfterDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := new(memory)
		q.add(ask("r1", "a@example.com"), nil)
		delivered, ending := 0, make(chan struct{})
		stop := start(t, notify.Config{Queue: q, Notifiers: one("n", notifierFunc(
			func(ctx context.Context, _ identity.Notification) error {
				close(ending)
				<-ctx.Done()
				delivered++
				return nil // it was delivered in the last moment
			}))})
		<-ending
		stop()
		if open, _ := q.open("n"); delivered != 1 || open != 0 {
			t.Errorf("delivered %d times, %d requests left: the delivery was not recorded", delivered, open)
		}
	})
}

func TestEndDuringOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, log := new(memory), new(logs)
		q.add(ask("r1", "a@example.com"), nil)
		delivered := make(chan string, 2)
		notifier := notifierFunc(func(_ context.Context, n identity.Notification) error {
			if len(delivered) == 0 {
				q.setDown(true)
			}
			delivered <- n.ID + n.Token.Reveal()
			return nil
		})
		stop := start(t, notify.Config{Queue: q, Logger: log.logger(), Notifiers: one("n", notifier)})
		time.Sleep(5 * time.Second)
		ending := time.Now()
		stop()
		if took := time.Since(ending); took != 0 {
			t.Errorf("the end took %v", took)
		}
		if log.count("level=WARN", "could not be saved") != 1 {
			t.Errorf("nobody says that the delivery will be repeated:\n%s", log)
		}
		q.setDown(false)
		stop = start(t, notify.Config{Queue: q, Notifiers: one("n", notifier)})
		time.Sleep(2 * time.Minute)
		stop()
		if first, second := <-delivered, <-delivered; first != second {
			t.Errorf("delivered %q, then %q", first, second)
		}
	})
}
