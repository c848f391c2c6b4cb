package upstream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	// trustFresh is how long it is believed that the backend takes our tokens
	// without asking again, and trustLongest with asking beside the request.
	trustFresh   = 5 * time.Second
	trustLongest = 15 * time.Second
	// trustRefused is the pause between two questions after another answer.
	trustRefused = time.Second
)

// Trust is what is known of whether the backend takes our tokens. It is safe for
// concurrent use.
type Trust struct {
	probe   func(ctx context.Context) error
	timeout time.Duration
	clock   func() time.Time

	verdict atomic.Pointer[verdict] // stored under mu
	flight  singleflight.Group

	mu     sync.Mutex
	doubts uint64 // counts the calls of Doubt
}

type verdict struct {
	asked time.Time
	err   error
	// doubted: it was good until a connection broke, and is to be asked for anew.
	doubted bool
}

// NewTrust makes a Trust. probe asks the backend, for timeout at most.
func NewTrust(timeout time.Duration, clock func() time.Time, probe func(ctx context.Context) error) *Trust {
	return &Trust{probe: probe, timeout: timeout, clock: clock}
}

// Trusted returns nil while the backend takes our tokens for its own, else why
// not, with CodeUnavailable. A backend with another secret would serve every
// request as anonymous, so each that carries a token is to be asked about here.
func (t *Trust) Trusted(ctx context.Context) error {
	v := t.verdict.Load()
	if v == nil {
		return t.ask(ctx)
	}
	age := t.clock().Sub(v.asked)
	switch {
	case age < 0, v.doubted:
	case v.err != nil && age < trustRefused, v.err == nil && age < trustFresh:
		return v.err
	case v.err == nil && age < trustLongest:
		t.flight.DoChan("", t.judge) // nobody waits for the answer
		return nil
	}
	return t.ask(ctx)
}

// Doubt makes the next Trusted ask again: a connection to the backend broke, it
// may come back with another secret. A yes to an earlier question counts no more.
// A refusal stands for its time; doubting it would only multiply the questions.
func (t *Trust) Doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubts++
	t.flight.Forget("")
	if v := t.verdict.Load(); v != nil && v.err == nil {
		t.verdict.Store(&verdict{asked: v.asked, doubted: true})
	}
}

func (t *Trust) doubted() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doubts
}

func (t *Trust) ask(ctx context.Context) error {
	for {
		doubts := t.doubted()
		select {
		case result := <-t.flight.DoChan("", t.judge):
			if result.Err != nil || t.doubted() == doubts {
				return result.Err
			}
		case <-ctx.Done():
			return Unavailable(ctx.Err())
		}
	}
}

func (t *Trust) judge() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout) // it is for everybody who waits
	defer cancel()
	asked, doubts := t.clock(), t.doubted()
	return nil, t.settle(asked, doubts, t.probe(ctx))
}

// settle keeps the answer to a question that was asked then, after so many doubts,
// and returns what it comes to.
func (t *Trust) settle(asked time.Time, doubts uint64, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.verdict.Load()
	if err != nil && identity.ReasonOf(err) == "backend_timeout" && v != nil && v.err == nil && !v.doubted {
		err = nil // it is the one that took them, and slow
	}
	if t.doubts == doubts || err != nil && (v == nil || !v.asked.After(asked)) {
		t.verdict.Store(&verdict{asked: asked, err: err})
	}
	return err
}
