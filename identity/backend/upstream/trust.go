package upstream

import (
	"context"
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

	verdict atomic.Pointer[verdict]
	flight  singleflight.Group
}

type verdict struct {
	asked time.Time
	err   error
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
	case age < 0:
	case v.err != nil && age < trustRefused, v.err == nil && age < trustFresh:
		return v.err
	case v.err == nil && age < trustLongest:
		t.flight.DoChan("", t.judge) // nobody waits for the answer
		return nil
	}
	return t.ask(ctx)
}

// Doubt makes the next Trusted ask again: a connection to the backend broke, it
// may come back with another secret.
func (t *Trust) Doubt() { t.verdict.Store(nil) }

func (t *Trust) ask(ctx context.Context) error {
	select {
	case result := <-t.flight.DoChan("", t.judge):
		return result.Err
	case <-ctx.Done():
		return Unavailable(ctx.Err())
	}
}

func (t *Trust) judge() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout) // it is for everybody who waits
	defer cancel()
	asked := t.clock()
	err := t.probe(ctx)
	if v := t.verdict.Load(); err != nil && identity.ReasonOf(err) == "backend_timeout" && v != nil && v.err == nil {
		err = nil // it is the one that took them, and slow
	}
	t.verdict.Store(&verdict{asked, err})
	return nil, err
}
