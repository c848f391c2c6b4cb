package verify

import (
	"context"
	"errors"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Still returns nil if a caller of an earlier request is proven still: by the
// session sid, or by his bearer token, which must not have expired. The store is
// asked, whatever is cached. CodeUnauthorized and identity.ErrNotFound mean no,
// any other error that it is not known.
func (v *Verifier) Still(ctx context.Context, c *Caller, sid string) error {
	claims := c.Claims
	if c.Method == Bearer {
		if _, err := v.Tokens.ParseAccess(strings.TrimPrefix(c.Authorization, bearerPrefix)); err != nil {
			return err
		}
	} else {
		entry, _, err := v.askSession(ctx, sid, v.Clock())
		if err != nil {
			return err
		}
		now, in := entry.record.Contexts[claims.ActorType]
		if !in || now.IdentityID != claims.IdentityID {
			return &identity.Error{Code: identity.CodeUnauthorized, Reason: "session_left"}
		}
		claims = now // they may have been renewed
	}
	state, _, err := v.askState(ctx, claims.IdentityID, v.Clock())
	return refused(claims, state, err)
}

// IsNo reports whether an error of Still says that the caller is proven no more.
func IsNo(err error) bool {
	return identity.CodeOf(err) == identity.CodeUnauthorized || identity.CodeOf(err) != identity.CodeUnavailable && errors.Is(err, identity.ErrNotFound)
}
