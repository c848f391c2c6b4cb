package medusa

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/upstream"
)

const messageBadToken = "Invalid token"

// RequestReset implements identity.Backend. The backend's own event reaches the
// shop's own subscriber. Once the request was on its way, what does not come back
// is uncertain, and so is what a gateway says that lost the answer itself. Medusa's
// own errors come before the event.
func (b *Backend) RequestReset(ctx context.Context, actorType, identifier string, metadata json.RawMessage) error {
	body := struct {
		Identifier string          `json:"identifier"`
		Metadata   json.RawMessage `json:"metadata,omitempty"`
	}{identifier, metadata}
	traced, sent := upstream.Sent(ctx)
	r, err := b.postBy(traced, b.client.Once(), "", body, actorType, identity.EmailPass, "reset-password")
	switch {
	case err != nil && sent():
		return fmt.Errorf("%w: %w", identity.ErrUncertain, err)
	case err != nil:
		return err
	case r.status == http.StatusBadGateway || r.status == http.StatusGatewayTimeout:
		return fmt.Errorf("%w: %w", identity.ErrUncertain, unexpected("requesting a reset", r))
	case r.status != http.StatusCreated:
		return unexpected("requesting a reset", r)
	}
	return nil
}

// ParseReset implements identity.Backend.
func (b *Backend) ParseReset(raw string) (*identity.ResetClaims, error) {
	return b.Tokens.ParseReset(raw)
}

// UseReset implements identity.Backend.
func (b *Backend) UseReset(ctx context.Context, actorType, token string, p identity.ProviderIdentity) error {
	r, err := b.update(ctx, actorType, token, map[string]string{"password": upstream.Password(b.Key, p)})
	if err != nil {
		return err
	}
	if r.status != http.StatusOK {
		return unexpected("using a reset token", r)
	}
	return nil
}

// CloseReset implements identity.Backend. Medusa uses a token up before it looks
// for the password.
func (b *Backend) CloseReset(ctx context.Context, actorType, token string) error {
	r, err := b.update(ctx, actorType, token, struct{}{})
	if err != nil {
		return err
	}
	if !r.is(http.StatusUnauthorized, "unauthorized", "Unauthorized") {
		return unexpected("closing a reset token", r)
	}
	return nil
}

func (b *Backend) update(ctx context.Context, actorType, token string, body any) (*reply, error) {
	r, err := b.post(ctx, token, body, actorType, identity.EmailPass, "update")
	if err == nil && r.is(http.StatusUnauthorized, "unauthorized", messageBadToken) {
		return nil, identity.ErrNotFound
	}
	return r, err
}
