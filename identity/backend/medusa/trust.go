package medusa

import (
	"context"
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Trusted returns nil while the backend takes our tokens for its own, else why
// not, with CodeUnavailable.
func (b *Backend) Trusted(ctx context.Context) error { return b.trust.Trusted(ctx) }

// Doubt makes the next Trusted ask again.
func (b *Backend) Doubt() { b.trust.Doubt() }

// probe asks for an identity that does not exist: the backend says so only to
// somebody whose token it takes.
func (b *Backend) probe(ctx context.Context) error {
	r, err := b.refresh(ctx, identity.Claims{
		ActorType: shadowActor, IdentityID: "authid_sidecar_probe", Provider: identity.EmailPass,
	})
	if err == nil && (r.Type == "" || r.status != http.StatusUnauthorized && r.status != http.StatusNotFound) {
		err = unexpected("asking whether our tokens are taken", r)
	}
	return err
}
