package caddymodule

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// While Redis cannot be asked, the doctor comes again: soon at first, then rarely.
const (
	firstVisit = time.Second
	lastVisit  = time.Minute
)

// examine looks at the realm's Redis until it has answered once, and logs what is
// wrong with it. Nothing waits for it.
func (r *Realm) examine(ctx context.Context) {
	for pause := firstVisit; ; pause = min(2*pause, lastVisit) {
		findings, err := r.store.Examine(ctx, r.Redis.examination())
		if err == nil {
			r.report(findings)
			return
		}
		if ctx.Err() != nil {
			return
		}
		level := zap.DebugLevel
		if pause == firstVisit { // else nobody hears of a wrong address before the first log-in
			level = zap.WarnLevel
		}
		r.logger.Log(level, "redis cannot be asked: credentials are answered 503 until it can",
			zap.String("reason", identity.ReasonOf(err)), zap.Error(err), zap.String("remedy", remedyOf(err)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (r *Realm) report(findings []redisstore.Finding) {
	for _, f := range findings {
		fields := []zap.Field{zap.String("check", f.Check), zap.String("found", f.Detail)}
		if f.Server != "" {
			fields = append(fields, zap.String("server", f.Server))
		}
		switch f.Level {
		case redisstore.Wrong:
			r.logger.Warn("redis is not set up as it should be", append(fields, zap.String("remedy", f.Remedy))...)
		case redisstore.Unchecked:
			r.logger.Debug("redis does not let itself be examined", fields...)
		}
	}
}

// remedyField says in a log line what the operator can do about an error, if that
// is known.
func remedyField(err error) zap.Field {
	if remedy, ok := httpapi.Remedy(identity.ReasonOf(err)); ok {
		return zap.String("remedy", remedy)
	}
	return zap.Skip()
}

// examination says what the configuration wants of Redis.
func (r *Redis) examination() redisstore.Examination {
	return redisstore.Examination{Wait: r.options(identity.Secret{}, nil).Wait}
}
