package notify

import (
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// outagePause is the longest pause between two tries to reach the queue.
const outagePause = 5 * time.Second

// retryable is an error that says how long to wait.
type retryable interface {
	error
	RetryAfter() time.Duration
}

// retryDelay is the pause after the given failed attempt.
func (c Config) retryDelay(attempt int, err error) time.Duration {
	delay := backOff(attempt, c.FirstRetry, c.Lease)
	if r, ok := errors.AsType[retryable](err); ok {
		delay = max(delay, min(r.RetryAfter(), c.Lease))
	}
	return delay
}

// backOff doubles first with every failure after the first one, up to limit,
// and takes up to half of that off by chance, so that what failed together is
// not repeated together.
func backOff(failures int, first, limit time.Duration) time.Duration {
	d := first
	for range failures - 1 {
		if d >= limit {
			break
		}
		d *= 2
	}
	d = min(d, limit)
	return d - rand.N(d/2+1)
}

// scrubbed is an error whose text shows neither the token nor the address.
type scrubbed struct {
	text string
	err  error
}

func (s scrubbed) Error() string { return s.text }
func (s scrubbed) Unwrap() error { return s.err }

// scrub guards the log against notifiers that put into an error what they were
// asked to deliver: a mail server's answer names the address, for instance.
func scrub(err error, n *identity.Notification) error {
	if err == nil || n == nil {
		return err
	}
	text := err.Error()
	for _, private := range []string{n.Token.Reveal(), n.EntityID} {
		if private != "" {
			text = strings.ReplaceAll(text, private, n.Token.String())
		}
	}
	return scrubbed{text, err}
}
