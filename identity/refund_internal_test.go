package identity

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// refunder is a Limiter whose refunds wait for the test.
type refunder struct {
	Limiter
	goOn          chan struct{}
	running, done atomic.Int64
}

func (l *refunder) Refund(ctx context.Context, taken []Verdict) error {
	l.running.Add(1)
	<-l.goOn
	l.running.Add(-1)
	if ctx.Err() == nil && len(taken) == 1 {
		l.done.Add(1)
	}
	return errors.New("the store is down")
}

// Nobody waits for a refund while there are few; when there are many each gives back
// its own, and nothing stays counted, also of those who have gone.
func TestRefundsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const late = 10
		l, s := &refunder{goOn: make(chan struct{})}, &Service{refunds: newRefunds()}
		s.Limiter = l
		gone, leave := context.WithCancel(t.Context())
		leave()
		attempt := func() {
			g := &guess{Service: s, taken: []Verdict{{Bucket: BucketLogin, Allowed: true, At: 1}}}
			if err := g.end(gone, nil); err != nil {
				t.Error(err)
			}
		}
		for range maxRefunds {
			attempt()
		}
		var answered atomic.Int64
		for range late {
			go func() {
				attempt()
				answered.Add(1)
			}()
		}
		synctest.Wait()
		if n := l.running.Load(); n != maxRefunds+late || answered.Load() != 0 {
			t.Errorf("%d refunds under way, %d of those that came late have answered", n, answered.Load())
		}
		close(l.goOn)
		synctest.Wait()
		if l.done.Load() != maxRefunds+late || answered.Load() != late || len(s.refunds) != 0 {
			t.Errorf("%d were given back, %d answered, %d places are taken", l.done.Load(), answered.Load(), len(s.refunds))
		}
		attempt() // there is place again
		nothing := &guess{Service: s}
		nothing.refund(t.Context())
		synctest.Wait()
		if n := l.done.Load(); n != maxRefunds+late+1 {
			t.Errorf("%d were given back", n)
		}
	})
}
