package notify_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

func TestLogShowsTheLink(t *testing.T) {
	t.Parallel()
	log := new(logs)
	l := notify.NewLog(log.logger(), "http://localhost:8000/reset?token=")
	if log.count("level=WARN", "development only") != 1 {
		t.Errorf("no warning:\n%s", log)
	}
	if err := l.Notify(t.Context(), notification("{}")); err != nil {
		t.Fatal(err)
	}
	if log.count("level=INFO", `msg="password reset requested"`, "actor_type=customer", `link="http://localhost:8000/reset?token=the.reset.token"`) != 1 {
		t.Errorf("no link:\n%s", log)
	}
}

// appender keeps what was appended, or fails.
type appender struct {
	fields []string
	err    error
}

func (a *appender) Append(_ context.Context, fields ...string) error {
	a.fields = fields
	return a.err
}

func TestStreamEntry(t *testing.T) {
	t.Parallel()
	out := new(appender)
	if err := notify.NewStream(out).Notify(t.Context(), notification(`{"lang":"de"}`)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"name", "auth.password_reset",
		"data", `{"entity_id":"a@example.com","actor_type":"customer","token":"the.reset.token","metadata":{"lang":"de"},"provider":"emailpass"}`,
		"id", "01KAK6W8YJ6D2RB1Q4X5S0V9TZ",
		"created_at", "2026-11-21T16:33:34.307Z",
	}
	if !slices.Equal(out.fields, want) {
		t.Errorf("appended %q, want %q", out.fields, want)
	}
	out.err = errDown
	if err := notify.NewStream(out).Notify(t.Context(), notification("{}")); !errors.Is(err, errDown) {
		t.Errorf("got error %v", err)
	}
	out.fields = nil
	if err := notify.NewStream(out).Notify(t.Context(), notification("{")); err == nil || out.fields != nil {
		t.Errorf("got error %v, appended %q", err, out.fields)
	}
}

// Whatever goes wrong, tokens and addresses stay out of the log, except for the
// notifier that is there to show them. (reference attacks, G3 and G5)
func TestLogHoldsNoToken(t *testing.T) {
	t.Parallel()
	url, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		// A receiver that sends back what it got, and more.
		w.Header().Set("Retry-After", "token-of-r1")
		http.Error(w, "token-of-r1", http.StatusInternalServerError)
	})
	broken, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("taking the connection: %v", err)
			return
		}
		_, _ = c.Write([]byte("token-of-r1 is no HTTP\r\n\r\n"))
		_ = c.Close()
	})
	hook, brokenHook := webhook(t, notify.WebhookConfig{URL: url}), webhook(t, notify.WebhookConfig{URL: broken})
	for name, notifier := range map[string]identity.Notifier{
		"webhook refused":  hook,
		"webhook, no HTTP": brokenHook,
		"stream fails":     notify.NewStream(&appender{err: errDown}),
		"error names both": notifierFunc(func(_ context.Context, n identity.Notification) error {
			return errors.New("550 <" + n.EntityID + "> " + n.Token.Reveal())
		}),
		"panics with both":   notifierFunc(func(_ context.Context, n identity.Notification) error { panic(n.EntityID + n.Token.Reveal()) }),
		"panics with struct": notifierFunc(func(_ context.Context, n identity.Notification) error { panic(n) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, log := new(memory), new(logs)
			q.add(ask("r1", "a@example.com"), nil)
			attempts := make(chan struct{}, 100)
			stop := start(t, notify.Config{
				Queue: q, Logger: log.logger(), FirstRetry: time.Millisecond, PollEvery: time.Millisecond,
				Notifiers: one("n", notifierFunc(func(ctx context.Context, n identity.Notification) error {
					defer func() { attempts <- struct{}{} }()
					return notifier.Notify(ctx, n)
				})),
			})
			for range 3 {
				<-attempts
			}
			stop()
			if log.count("not delivered yet", "attempt=2") != 1 {
				t.Errorf("no failure was logged:\n%s", log)
			}
			for _, private := range []string{"token-of-r1", "a@example.com"} {
				if strings.Contains(log.String(), private) {
					t.Errorf("the log shows %s:\n%s", private, log)
				}
			}
		})
	}
}
