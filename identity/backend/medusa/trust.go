package medusa

import (
	"context"
	"net/http"
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
	verdict atomic.Pointer[verdict]
	flight  singleflight.Group
}

type verdict struct {
	asked time.Time
	err   error
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
	case age < 0:
	case v.err != nil && age < trustRefused, v.err == nil && age < trustFresh:
		return v.err
	case v.err == nil && age < trustLongest:
		b.trust.flight.DoChan("", b.probe) // nobody waits for the answer
		return nil
	}
	return b.askTrust(ctx)
}

// Doubt makes the next Trusted ask again: a connection to the backend broke, it
// may come back with another secret.
func (b *Backend) Doubt() { b.trust.verdict.Store(nil) }

func (b *Backend) askTrust(ctx context.Context) error {
	select {
	case result := <-b.trust.flight.DoChan("", b.probe):
		return result.Err
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// probe asks for an identity that does not exist: the backend says so only to
// somebody whose token it takes.
func (b *Backend) probe() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.Timeout) // it is for everybody who waits
	defer cancel()
	asked := b.Clock()
	r, err := b.refresh(ctx, identity.Claims{
		ActorType: shadowActor, IdentityID: "authid_sidecar_probe", Provider: identity.EmailPass,
	})
	if err == nil && (r.Type == "" || r.status != http.StatusUnauthorized && r.status != http.StatusNotFound) {
		err = unexpected("asking whether our tokens are taken", r)
	}
	if err != nil && identity.ReasonOf(err) == "backend_timeout" && b.trust.verdict.Load() != nil && b.trust.verdict.Load().err == nil {
		err = nil // it is the one that took them, and slow
	}
	b.trust.verdict.Store(&verdict{asked, err})
	return nil, err
}
