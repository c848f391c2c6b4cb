package caddymodule

import (
	"context"

	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// revoke ends the credentials of everybody who is named, and returns
// their ids. identity.ErrNotFound if nobody is.
func (r *Realm) revoke(ctx context.Context, w whom) ([]string, error) {
	ids, err := r.named(ctx, w)
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
