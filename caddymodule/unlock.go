package caddymodule

import (
	"context"

	"go.uber.org/zap"
)

// unlock forgets the guesses at everybody who is named, and returns their ids and
// how many limits were in use. identity.ErrNotFound if nobody is.
func (r *Realm) unlock(ctx context.Context, w whom) (ids []string, emptied int, err error) {
	ids = []string{}
	if w.Entity != "" {
		id, n, err := r.service.UnlockBy(ctx, w.Provider, w.Entity)
		if err != nil {
			return nil, 0, err
		}
		if id != "" {
			ids = append(ids, id)
		}
		r.logger.Info("limits emptied by the operator", zap.Strings("auth_identity_ids", ids), zap.Int("limits", n))
		return ids, n, nil
	}
	named, err := r.named(ctx, w)
	if err != nil {
		return nil, 0, err
	}
	for _, id := range named {
		n, err := r.service.Unlock(ctx, id)
		if err != nil {
			return nil, 0, err
		}
		ids, emptied = append(ids, id), emptied+n
	}
	r.logger.Info("limits emptied by the operator", zap.Strings("auth_identity_ids", ids), zap.Int("limits", emptied))
	return ids, emptied, nil
}
