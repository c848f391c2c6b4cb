package notify_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

const (
	rawSecret = "a raw secret of more than 24 bytes"
	keySecret = "another secret, given in base64"
)

var prefixedSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(keySecret))

// received is a request as the receiver got it.
type received struct {
	header http.Header
	path   string
	body   string
}

// receiver is a server that keeps what it gets and answers as told.
func receiver(t *testing.T, answer http.HandlerFunc) (url string, got <-chan received) {
	t.Helper()
	requests := make(chan received, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the request: %v", err)
		}
		requests <- received{r.Header.Clone(), r.Method + " " + r.URL.RequestURI(), string(body)}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func webhook(t *testing.T, c notify.WebhookConfig) *notify.Webhook {
	t.Helper()
	if c.Secrets == nil {
		c.Secrets = []identity.Secret{identity.NewSecret(rawSecret)}
	}
	w, err := notify.NewWebhook(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func notification(metadata string) identity.Notification {
	created := time.Date(2026, 11, 21, 17, 33, 34, 307_000_000, time.FixedZone("", 3600))
	return identity.Notification{
		ID: "01KAK6W8YJ6D2RB1Q4X5S0V9TZ", Name: identity.PasswordReset, EntityID: "a@example.com",
		ActorType: "customer", Provider: "emailpass", Token: identity.NewSecret("the.reset.token"),
		Metadata: []byte(metadata), CreatedAt: created, ExpiresAt: created.Add(15 * time.Minute),
	}
}

func TestWebhookRequest(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, status(http.StatusNoContent))
	now := time.Now()
	w := webhook(t, notify.WebhookConfig{
		URL:     strings.Replace(url, "//", "//hook:basic-password@", 1) + "/resets?shop=1",
		Secrets: []identity.Secret{identity.NewSecret(rawSecret), identity.NewSecret(prefixedSecret)},
		Clock:   func() time.Time { return now },
	})
	n := notification(`{"lang":"de"}`)
	if err := w.Notify(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	first := <-got
	const want = `{"name":"auth.password_reset","data":{"entity_id":"a@example.com","actor_type":"customer",` +
		`"token":"the.reset.token","metadata":{"lang":"de"},"provider":"emailpass"},` +
		`"metadata":{"created_at":"2026-11-21T16:33:34.307Z"}}`
	if first.body != want {
		t.Errorf("body\n%s\nwant\n%s", first.body, want)
	}
	if first.path != "POST /resets?shop=1" || first.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s with Content-Type %q", first.path, first.header.Get("Content-Type"))
	}
	if user := first.header.Get("Authorization"); user != "Basic "+base64.StdEncoding.EncodeToString([]byte("hook:basic-password")) {
		t.Errorf("Authorization is %q", user)
	}
	for name, key := range map[string]string{"first secret": rawSecret, "second secret": keySecret} {
		verifier, err := webhooks.NewWebhookRaw([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify([]byte(first.body), first.header); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := verifier.Verify([]byte(first.body+" "), first.header); err == nil {
			t.Errorf("%s: the signature fits another body", name)
		}
	}
	if other, err := webhooks.NewWebhook(prefixedSecret); err != nil || other.Verify([]byte(first.body), first.header) != nil {
		t.Error("a receiver that is given the secret as it is configured cannot verify")
	}

	now = now.Add(time.Minute)
	if err := w.Notify(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	second := <-got
	if second.body != first.body || second.header.Get("webhook-id") != n.ID || first.header.Get("webhook-id") != n.ID {
		t.Error("a repetition cannot be recognised")
	}
	if second.header.Get("webhook-timestamp") != strconv.FormatInt(now.Unix(), 10) {
		t.Error("the timestamp is not that of the attempt")
	}
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	for code, delivered := range map[int]bool{
		200: true, 201: true, 202: true, 204: true, 299: true,
		300: false, 302: false, 304: false, 307: false, 400: false, 401: false, 404: false, 408: false, 410: false,
		413: false, 425: false, 429: false, 500: false, 502: false, 503: false, 599: false,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			url, got := receiver(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					t.Errorf("the request went on to %s", r.URL.Path)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(code)
			})
			err := webhook(t, notify.WebhookConfig{URL: url + "/"}).Notify(t.Context(), notification("{}"))
			<-got
			switch {
			case delivered != (err == nil):
				t.Errorf("got error %v", err)
			case err != nil && (identity.ReasonOf(err) != "webhook_refused" || !strings.Contains(err.Error(), fmt.Sprint(code))):
				t.Errorf("the error does not say why: %v", err)
			}
		})
	}
}

func TestWebhookAnswerIsLimited(t *testing.T) {
	t.Parallel()
	url, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // without end
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	err := webhook(t, notify.WebhookConfig{URL: url, Timeout: time.Hour}).Notify(t.Context(), notification("{}"))
	if err != nil {
		t.Errorf("the status counts, not the body: %v", err)
	}
}

func TestWebhookHangs(t *testing.T) {
	t.Parallel()
	url, _ := receiver(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, test := range map[string]struct {
		timeout time.Duration
		ctx     func() (context.Context, context.CancelFunc)
	}{
		"own timeout": {time.Millisecond, func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }},
		"context ends": {time.Hour, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), time.Millisecond)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := test.ctx()
			defer cancel()
			err := webhook(t, notify.WebhookConfig{URL: url, Timeout: test.timeout}).Notify(ctx, notification("{}"))
			if identity.ReasonOf(err) != "webhook_unreachable" {
				t.Errorf("got error %v", err)
			}
		})
	}
}

func TestWebhookErrorsShowNothing(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(status(http.StatusOK))
	s.Close() // now nobody listens there
	w := webhook(t, notify.WebhookConfig{URL: strings.Replace(s.URL, "//", "//hook:basic-password@", 1) + "/?key=of-the-query"})
	err := w.Notify(t.Context(), notification("{}"))
	if identity.ReasonOf(err) != "webhook_unreachable" {
		t.Fatalf("got error %v", err)
	}
	for _, private := range []string{"hook", "basic-password", "of-the-query", "the.reset.token", "a@example.com"} {
		if text := fmt.Sprintf("%v %+v %q", err, err, err); strings.Contains(strings.ReplaceAll(text, "webhook", ""), private) {
			t.Errorf("the error shows %q: %s", private, text)
		}
	}
}

func TestWebhookMetadataIsNoJSON(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, status(http.StatusOK))
	if err := webhook(t, notify.WebhookConfig{URL: url}).Notify(t.Context(), notification(`{"a":`)); err == nil || len(got) != 0 {
		t.Errorf("got error %v, %d requests", err, len(got))
	}
}

func TestNewWebhook(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url, secret, want string
	}{
		"https":            {"https://example.com/hook", rawSecret, ""},
		"http":             {"http://mailer:8080/hook", rawSecret, ""},
		"prefixed secret":  {"https://example.com", prefixedSecret, ""},
		"another scheme":   {"ftp://user:hidden-word@example.com", rawSecret, "https or http"},
		"relative":         {"/hidden-word", rawSecret, "absolute"},
		"no host":          {"https:///hidden-word", rawSecret, "absolute"},
		"not a URL":        {"https://hidden-word\x7f", rawSecret, "absolute"},
		"no base64":        {"https://example.com", "whsec_hidden-word-that-is-no-base64!", "not base64"},
		"short":            {"https://example.com", "hidden-word", "at least 24"},
		"short when plain": {"https://example.com", "whsec_" + base64.StdEncoding.EncodeToString([]byte("hidden-word")), "at least 24"},
		"empty":            {"https://example.com", "", "at least 24"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := notify.NewWebhook(notify.WebhookConfig{URL: test.url, Secrets: []identity.Secret{identity.NewSecret(test.secret)}})
			if test.want == "" {
				if err != nil || w == nil {
					t.Errorf("got error %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hidden-word") {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
	if _, err := notify.NewWebhook(notify.WebhookConfig{URL: "https://example.com"}); err == nil {
		t.Error("a webhook without a secret was made")
	}
}
