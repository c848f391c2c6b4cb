package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// RecentLogins remembers when the bearers of credentials logged in: a token's
// claims do not say, since a refresh makes new ones. *redisstore.Store is one.
type RecentLogins interface {
	// MarkRecent remembers for that long that the bearer of the credential logged
	// in at that time.
	MarkRecent(ctx context.Context, credential string, at time.Time, ttl time.Duration) error
	// Recent returns that time, or identity.ErrNotFound.
	Recent(ctx context.Context, credential string) (at time.Time, err error)
}

// recentTTL is how long somebody may change the ways to log in after a log-in.
const recentTTL = 10 * time.Minute

var errLoginTooOld = &identity.Error{
	Code: identity.CodeUnauthorized, Reason: "login_too_old",
	Message: "Log in again: the last login must be younger than ten minutes",
}

// sessionCredential names the login of one actor type in a session. Another
// login in the same browser makes this one no younger.
func sessionCredential(sid, actorType string) string { return "sid " + sid + " " + actorType }

// mark remembers when the bearer of the credential logged in. No login depends
// on it.
func (h *Handler) mark(ctx context.Context, credential string, at time.Time) {
	left := recentTTL - h.Clock().Sub(at)
	if h.Recent == nil || left < time.Second {
		return
	}
	if err := h.Recent.MarkRecent(ctx, credential, at, left); err != nil {
		h.warnOfMark(ctx, err)
	}
}

// carry gives a credential the time at which the bearer of an older one, which
// it was made of, logged in.
func (h *Handler) carry(ctx context.Context, from, to string) {
	if h.Recent == nil {
		return
	}
	at, err := h.Recent.Recent(ctx, from)
	switch {
	case err == nil:
		h.mark(ctx, to, at)
	case !errors.Is(err, identity.ErrNotFound):
		h.warnOfMark(ctx, err)
	}
}

func (h *Handler) warnOfMark(ctx context.Context, err error) {
	h.Logger.WarnContext(ctx, "time of a login was not kept; linking an account will take another one",
		slog.String("reason", identity.ReasonOf(err)), slog.Any("error", err))
}

// loggedInAt returns when the bearer of the credential logged in, or
// errLoginTooOld.
func (h *Handler) loggedInAt(ctx context.Context, credential string) (time.Time, error) {
	at, err := h.Recent.Recent(ctx, credential)
	if errors.Is(err, identity.ErrNotFound) || err == nil && h.Clock().Sub(at) >= recentTTL {
		return time.Time{}, errLoginTooOld
	}
	if err != nil {
		return time.Time{}, identity.Unavailable(identity.ReasonOf(err), err)
	}
	return at, nil
}
