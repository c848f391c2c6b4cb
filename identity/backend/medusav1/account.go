package medusav1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/upstream"
)

// freshFor is how long ago an account may have been made that a repeated attempt
// finds again. Whoever knows of an older one knew it from elsewhere.
const freshFor = time.Hour

type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Password is the password that p's account has at the backend. Nobody types it.
func (b *Backend) Password(p identity.ProviderIdentity) identity.Secret {
	return identity.NewSecret(upstream.Password(b.Key, p))
}

// Provision implements identity.Legacy. Users are made by an invite or by another
// user, so theirs is only found.
func (b *Backend) Provision(ctx context.Context, actorType string, p identity.ProviderIdentity, profile json.RawMessage) (identity.Person, error) {
	d, err := domainOf(actorType)
	if err != nil {
		return identity.Person{}, err
	}
	if d == admin {
		return b.found(ctx, d, p)
	}
	staff, err := b.Exists(ctx, admin.actorType, p.EntityID)
	if err != nil {
		return identity.Person{}, err
	}
	if staff {
		return identity.Person{}, identity.ErrExists
	}
	body, err := b.registration(p, profile)
	if err != nil {
		return identity.Person{}, err
	}
	r, err := b.do(ctx, http.MethodPost, "/store/customers", "", body)
	switch {
	case err != nil:
		return identity.Person{}, err
	case r.status == http.StatusUnprocessableEntity && r.Type == "duplicate_error":
		return b.found(ctx, d, p)
	case r.status == http.StatusBadRequest && r.Type == "invalid_data":
		return identity.Person{}, &identity.Error{Code: identity.CodeInvalid, Reason: "backend_invalid", Message: r.Message}
	}
	made, err := r.account(d, "making a customer")
	return made.Person, err
}

// registration is the body that makes p's customer.
func (b *Backend) registration(p identity.ProviderIdentity, profile json.RawMessage) (map[string]any, error) {
	body := make(map[string]any)
	if len(profile) > 0 {
		if err := json.Unmarshal(profile, &body); err != nil {
			return nil, fmt.Errorf("reading a profile: %w", err)
		}
	}
	body["email"], body["password"] = p.EntityID, b.Password(p).Reveal()
	return body, nil
}

// found is Made for Provision.
func (b *Backend) found(ctx context.Context, d domain, p identity.ProviderIdentity) (identity.Person, error) {
	person, err := b.Made(ctx, d.actorType, p)
	if errors.Is(err, identity.ErrNotFound) {
		return identity.Person{}, identity.ErrExists
	}
	return person, err
}

// Made returns the account of p's address that an attempt of the last hour made,
// or ErrNotFound: a derived password opens it, of whichever key.
func (b *Backend) Made(ctx context.Context, actorType string, p identity.ProviderIdentity) (identity.Person, error) {
	d, err := domainOf(actorType)
	if err != nil {
		return identity.Person{}, err
	}
	for _, key := range append([]identity.Secret{b.Key}, b.PreviousKeys...) {
		made, err := b.login(ctx, d, credentials{p.EntityID, upstream.Password(key, p)})
		switch {
		case errors.Is(err, identity.ErrNotFound):
			continue
		case err != nil:
			return identity.Person{}, err
		case b.Clock().Sub(made.created) > freshFor:
			return identity.Person{}, identity.ErrNotFound
		}
		return made.Person, nil
	}
	return identity.Person{}, identity.ErrNotFound
}

// Person implements identity.Legacy.
func (b *Backend) Person(ctx context.Context, actorType, actorID string) (identity.Person, error) {
	d, err := domainOf(actorType)
	if err != nil {
		return identity.Person{}, err
	}
	r, err := b.as(ctx, actorType, actorID, http.MethodGet, d.path+"/auth", nil)
	if err != nil {
		return identity.Person{}, err
	}
	if d == admin && r.status == http.StatusBadRequest {
		// So Medusa answers about a user who is gone, and as well when its database is
		// (reference medusa-v1, section 3). The route for other users tells the two apart.
		if r, err = b.as(ctx, actorType, staffID, http.MethodGet, "/admin/users/"+url.PathEscape(actorID), nil); err != nil {
			return identity.Person{}, err
		}
	}
	if gone(r) {
		return identity.Person{}, identity.ErrNotFound
	}
	a, err := r.account(d, "asking for an actor")
	return a.Person, err
}

// gone reports whether the answer says that there is no such actor.
func gone(r *reply) bool { return r.status == http.StatusNotFound && r.Type == "not_found" }

// Exists implements identity.Legacy.
func (b *Backend) Exists(ctx context.Context, actorType, address string) (bool, error) {
	d, err := domainOf(actorType)
	if err != nil {
		return false, nil //nolint:nilerr // there are none of that type
	}
	if d == admin {
		query := url.Values{"email": {strings.ToLower(address)}, "limit": {"1"}}
		r, err := b.as(ctx, actorType, staffID, http.MethodGet, "/admin/users?"+query.Encode(), nil)
		if err != nil {
			return false, err
		}
		if r.status != http.StatusOK || r.Users == nil {
			return false, unexpected("asking for a user", r)
		}
		// An address that Medusa does not filter by would find everybody.
		return len(r.Users) > 0 && strings.EqualFold(r.Users[0].Email, address), nil
	}
	r, err := b.do(ctx, http.MethodGet, "/store/auth/"+url.PathEscape(address), "", nil)
	if err != nil {
		return false, err
	}
	if r.status != http.StatusOK || r.Exists == nil {
		return false, unexpected("asking for an account", r)
	}
	return *r.Exists, nil
}

// Migrate implements identity.Legacy.
func (b *Backend) Migrate(ctx context.Context, actorType, address, password string) (identity.Person, error) {
	d, err := domainOf(actorType)
	if err != nil {
		return identity.Person{}, identity.ErrNotFound //nolint:nilerr // there are none of that type
	}
	if len(address) > upstream.MaxAddress {
		return identity.Person{}, identity.ErrNotFound
	}
	a, err := b.login(ctx, d, credentials{address, password})
	return a.Person, err
}

// login returns the account that the credentials open, or identity.ErrNotFound.
func (b *Backend) login(ctx context.Context, d domain, c credentials) (account, error) {
	const doing = "logging in at the backend"
	r, err := b.do(ctx, http.MethodPost, d.path+"/auth", "", c)
	switch {
	case err != nil:
		return account{}, err
	case r.status == http.StatusUnauthorized, r.status == http.StatusBadRequest && r.Type == "invalid_data":
		return account{}, identity.ErrNotFound
	}
	return r.account(d, doing)
}

// Seal implements identity.Legacy. Medusa has no route that sets a user's password
// without a token that only the user gets.
func (b *Backend) Seal(ctx context.Context, actorType, actorID string, p identity.ProviderIdentity) error {
	if actorType != store.actorType {
		return nil
	}
	r, err := b.as(ctx, actorType, actorID, http.MethodPost, "/store/customers/me", map[string]string{"password": b.Password(p).Reveal()})
	if err != nil {
		return err
	}
	if gone(r) {
		return identity.ErrNotFound
	}
	if r.status != http.StatusOK {
		return unexpected("replacing a password", r)
	}
	return nil
}

// Trusted returns nil while the backend takes our tokens for its own, else why
// not, with CodeUnavailable.
func (b *Backend) Trusted(ctx context.Context) error { return b.trust.Trusted(ctx) }

// Doubt makes the next Trusted ask again.
func (b *Backend) Doubt() { b.trust.Doubt() }

// probe asks for a customer who does not exist: the backend says so only to
// somebody whose token it takes.
func (b *Backend) probe(ctx context.Context) error {
	_, err := b.Person(ctx, store.actorType, "cus_auth_sidecar_probe")
	if errors.Is(err, identity.ErrNotFound) {
		return nil
	}
	return err
}
