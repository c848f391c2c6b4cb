package caddymodule

import (
	"context"

	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// revoke ends the credentials of everybody whom the request names, and returns
// their ids. identity.ErrNotFound if it names nobody.
func (r *Realm) revoke(ctx context.Context, request revokeRequest) ([]string, error) {
	ids, err := r.named(ctx, request)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := r.service.Revoke(ctx, id); err != nil {
			return nil, err
		}
		r.logger.Info("credentials revoked by the operator", zap.String("auth_identity_id", id))
		// Their records prove nobody any more, whether or not they can be removed.
		ended, err := r.sessions.EndAll(ctx, id, "")
		for _, sid := range ended {
			r.revocations.session(sid)
		}
		if err != nil {
			r.logger.Warn("sessions whose credentials were revoked could not be removed yet",
				zap.String("reason", identity.ReasonOf(err)), zap.Error(err))
		}
	}
	return ids, nil
}

// named returns the ids of those whom the request names.
func (r *Realm) named(ctx context.Context, request revokeRequest) ([]string, error) {
	if request.IdentityID != "" {
		return []string{request.IdentityID}, nil
	}
	if request.ActorID != "" {
		ids, err := r.store.Holders(ctx, request.ActorType, request.ActorID)
		if err == nil && len(ids) == 0 {
			err = identity.ErrNotFound
		}
		return ids, err
	}
	i, err := r.service.FindBy(ctx, request.Provider, request.Entity)
	if err != nil {
		return nil, err
	}
	return []string{i.ID}, nil
}
