package notify_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

// issue makes a notification whose token depends on the request alone, as
// identity.Service does. Nobody is behind the identifier "nobody".
func issue(_ context.Context, r identity.ResetRequest) (*identity.Notification, error) {
	if r.Identifier == "nobody" {
		return nil, nil
	}
	return &identity.Notification{
		ID: r.ID, Name: identity.PasswordReset, EntityID: r.Identifier, ActorType: r.ActorType, Provider: r.Provider,
		Token: identity.NewSecret("token-of-" + r.ID), Metadata: []byte(`{"a":1}`),
		CreatedAt: r.AskedAt, ExpiresAt: r.AskedAt.Add(15 * time.Minute),
	}, nil
}

func ask(id, identifier string) identity.ResetRequest {
	return identity.ResetRequest{
		ID: id, Provider: "emailpass", ActorType: "customer", Identifier: identifier, AskedAt: time.Now(),
	}
}

// notifierFunc is a function as a notifier.
type notifierFunc func(ctx context.Context, n identity.Notification) error

func (f notifierFunc) Notify(ctx context.Context, n identity.Notification) error { return f(ctx, n) }

// logs is a log to look into.
type logs struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // if set, receives after every line
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.written != nil {
		select {
		case l.written <- struct{}{}:
		default: // nobody has looked since the last line
		}
	}
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// count returns how many lines contain all of the texts.
func (l *logs) count(texts ...string) int {
	n := 0
lines:
	for line := range strings.Lines(l.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		n++
	}
	return n
}

// await waits for a line that contains all of the texts.
func (l *logs) await(texts ...string) {
	for l.count(texts...) == 0 {
		<-l.written
	}
}

// start runs a dispatcher until stop is called.
func start(t *testing.T, c notify.Config) (stop func()) {
	t.Helper()
	if c.Issue == nil {
		c.Issue = issue
	}
	if c.Logger == nil {
		c.Logger = new(logs).logger()
	}
	d, err := notify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func one(name string, n identity.Notifier) []notify.Named {
	return []notify.Named{{Name: name, Notifier: n}}
}
