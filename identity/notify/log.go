package notify

import (
	"context"
	"log/slog"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Log writes the reset link to the log.
//
// FOR DEVELOPMENT ONLY: whoever can read the log can take over every account
// for which a reset was asked. It is the one place in which a token is shown.
type Log struct {
	logger *slog.Logger
	link   string
}

// NewLog makes a Log. link is what comes before the token, such as
// `http://localhost:8000/reset-password?token=`; empty shows the token alone.
// A warning in the log says what this notifier does.
func NewLog(logger *slog.Logger, link string) *Log {
	logger.Warn("password-reset tokens are written to this log: for development only")
	return &Log{logger, link}
}

// Notify writes one line.
func (l *Log) Notify(ctx context.Context, n identity.Notification) error {
	l.logger.InfoContext(ctx, "password reset requested",
		"actor_type", n.ActorType, "link", l.link+n.Token.Reveal())
	return nil
}
