package medusa

import (
	"context"
	"net/http"
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

// trust is what is known of whether the backend takes our tokens.
type trust struct {
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

// Trusted returns nil while the backend takes our tokens for its own, else why
// not, with CodeUnavailable. A backend with another secret would serve every
// request as anonymous, so each that carries a token is to be asked about here.
func (b *Backend) Trusted(ctx context.Context) error {
	v := b.trust.verdict.Load()
	if v == nil {
		return b.askTrust(ctx)
	}
	age := b.Clock().Sub(v.asked)
	switch {
	case age < 0, v.doubted:
	case v.err != nil && age < trustRefused, v.err == nil && age < trustFresh:
		return v.err
	case v.err == nil && age < trustLongest:
		b.trust.flight.DoChan("", b.probe) // nobody waits for the answer
		return nil
	}
	return b.askTrust(ctx)
}

// Doubt makes the next Trusted ask again: a connection to the backend broke, it
// may come back with another secret. A yes to an earlier question counts no more.
// A refusal stands for its time; doubting it would only multiply the questions.
func (b *Backend) Doubt() {
	t := &b.trust
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubts++
	t.flight.Forget("")
	if v := t.verdict.Load(); v != nil && v.err == nil {
		t.verdict.Store(&verdict{asked: v.asked, doubted: true})
	}
}

func (t *trust) doubted() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doubts
}

func (b *Backend) askTrust(ctx context.Context) error {
	for {
		doubts := b.trust.doubted()
		select {
		case result := <-b.trust.flight.DoChan("", b.probe):
			if result.Err != nil || b.trust.doubted() == doubts {
				return result.Err
			}
		case <-ctx.Done():
			return unavailable(ctx.Err())
		}
	}
}

// probe asks for an identity that does not exist: the backend says so only to
// somebody whose token it takes.
func (b *Backend) probe() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.Timeout) // it is for everybody who waits
	defer cancel()
	asked, doubts := b.Clock(), b.trust.doubted()
	r, err := b.refresh(ctx, identity.Claims{
		ActorType: shadowActor, IdentityID: "authid_sidecar_probe", Provider: identity.EmailPass,
	})
	if err == nil && (r.Type == "" || r.status != http.StatusUnauthorized && r.status != http.StatusNotFound) {
		err = unexpected("asking whether our tokens are taken", r)
	}
	return nil, b.trust.settle(asked, doubts, err)
}

// settle keeps the answer to a question that was asked then, after so many doubts,
// and returns what it comes to.
func (t *trust) settle(asked time.Time, doubts uint64, err error) error {
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
