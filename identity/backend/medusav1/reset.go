package medusav1

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/upstream"
)

// RequestReset implements identity.Legacy. The backend's own event reaches the
// shop's own subscriber. Once the request was on its way, what does not come back is
// uncertain, and so is what a gateway says that lost the answer itself. Medusa's own
// errors undo the event.
func (b *Backend) RequestReset(ctx context.Context, actorType, address string) error {
	d, err := domainOf(actorType)
	if err != nil {
		return nil //nolint:nilerr // nobody is to be told
	}
	path := "/store/customers/password-token"
	if d == admin {
		path = "/admin/users/password-token"
	}
	const doing = "requesting a reset"
	traced, sent := upstream.Sent(ctx)
	r, err := b.doBy(traced, b.client.Once(), http.MethodPost, path, "", map[string]string{"email": address})
	switch {
	case err != nil && sent():
		return fmt.Errorf("%w: %w", identity.ErrUncertain, err)
	case err != nil:
		return err
	case r.status == http.StatusBadGateway || r.status == http.StatusGatewayTimeout:
		return fmt.Errorf("%w: %w", identity.ErrUncertain, unexpected(doing, r))
	case r.status != http.StatusNoContent && r.status != http.StatusBadRequest: // 400: it is no address to Medusa
		return unexpected(doing, r)
	}
	return nil
}

// CheckReset implements identity.Legacy.
func (b *Backend) CheckReset(actorType, token string) error {
	d, err := domainOf(actorType)
	if err != nil || resetActor(d, token, b.Clock().Unix()) == "" {
		return identity.ErrNotFound // there are no tokens of that type, or it is none
	}
	return nil
}

// UseReset implements identity.Legacy. Medusa answers a token that is not good
// with the same 500 as any fault of its own, so an answer of that kind counts
// only if the backend is in order otherwise.
func (b *Backend) UseReset(ctx context.Context, actorType, token string, p identity.ProviderIdentity) (identity.Person, error) {
	const doing = "using a reset token"
	d, err := domainOf(actorType)
	if err != nil {
		return identity.Person{}, identity.ErrNotFound //nolint:nilerr // there are no tokens of that type
	}
	actorID := resetActor(d, token, b.Clock().Unix())
	if actorID == "" {
		return identity.Person{}, identity.ErrNotFound
	}
	path := "/store/customers/password-reset"
	if d == admin {
		path = "/admin/users/reset-password"
	}
	r, err := b.do(ctx, http.MethodPost, path, "", map[string]string{
		"email": p.EntityID, "token": token, "password": b.Password(p).Reveal(),
	})
	switch {
	case err != nil:
		return identity.Person{}, err
	case r.status == http.StatusUnauthorized, r.status == http.StatusBadRequest:
		return identity.Person{}, identity.ErrNotFound
	case r.status == http.StatusInternalServerError && r.Type == "unknown_error":
		if _, err := b.Person(ctx, actorType, actorID); err != nil {
			return identity.Person{}, err
		}
		return identity.Person{}, identity.ErrNotFound
	}
	used, err := r.account(d, doing)
	if err != nil {
		return identity.Person{}, err
	}
	// As log-in shows it, which is more than this answer has.
	return b.Person(ctx, actorType, used.ActorID)
}

// resetActor returns whom a reset token of Medusa is for, if it has not expired,
// or "". Only Medusa can tell whether it is genuine: the key is the password's
// hash (reference medusa-v1, section 8).
func resetActor(d domain, token string, now int64) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		CustomerID string  `json:"customer_id"`
		UserID     string  `json:"user_id"`
		Expires    float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &c) != nil || c.Expires <= float64(now) {
		return ""
	}
	if d == admin {
		return c.UserID
	}
	return c.CustomerID
}
