package upstream

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// answerer takes its time for every question.
type answerer struct {
	takes time.Duration
	began atomic.Int32
}

func (a *answerer) probe(context.Context) error {
	a.began.Add(1)
	time.Sleep(a.takes)
	return nil
}

// However many connections break, the backend is asked a few times a second, and
// a request waits for one pause and one question at most. The time is that of the
// bubble.
func TestFloodOfDoubts(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]time.Duration{"quick": 30 * time.Millisecond, "slower than the pause": 3 * trustPace} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const lasts = 10 * time.Second
				var (
					backend  = &answerer{takes: takes}
					trust    = NewTrust(time.Minute, time.Now, backend.probe)
					requests sync.WaitGroup
					begun    = time.Now()
				)
				for time.Since(begun) < lasts {
					trust.Doubt()
					requests.Go(func() {
						came := time.Now()
						if err := trust.Trusted(t.Context()); err != nil {
							t.Error(err)
						}
						if waited := time.Since(came); waited > trustPace+takes {
							t.Errorf("a request waited for %s", waited)
						}
					})
					time.Sleep(time.Millisecond)
				}
				requests.Wait()
				if n, most := backend.began.Load(), int32(lasts/trustPace)+2; n > most || n < most/2 {
					t.Errorf("%d questions, want at most %d", n, most)
				}
			})
		})
	}
}

// A doubt after a quiet time is looked into at once, by one question for all.
func TestOneDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		backend := &answerer{takes: 30 * time.Millisecond}
		trust := NewTrust(time.Minute, time.Now, backend.probe)
		for range 3 {
			begun := time.Now()
			trust.Doubt()
			var requests sync.WaitGroup
			for range 50 {
				requests.Go(func() {
					if err := trust.Trusted(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			requests.Wait()
			if waited := time.Since(begun); waited != backend.takes {
				t.Errorf("it took %s", waited)
			}
			time.Sleep(time.Second)
		}
		if n := backend.began.Load(); n != 3 {
			t.Errorf("%d questions", n)
		}
	})
}

// Who comes between the answer and the look at it makes no question of their own.
func TestAnsweredMeanwhile(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"yes": nil, "no": identity.Unavailable("backend_secret", nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := new(answerer)
			trust := NewTrust(time.Minute, time.Now, backend.probe)
			trust.verdict.Store(&verdict{asked: time.Now(), err: want})
			q := trust.question()
			<-q.answered
			if q.err != want || backend.began.Load() != 0 {
				t.Errorf("got %v after %d questions", q.err, backend.began.Load())
			}
		})
	}
}
