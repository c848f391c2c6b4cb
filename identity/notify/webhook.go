package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// minWebhookSecret is the shortest key in bytes that the Standard Webhooks
// specification allows.
const minWebhookSecret = 24

// maxAnswer is how much of a receiver's answer is read, so that the connection
// can be used again. Nothing in it matters.
const maxAnswer = 64 << 10

// WebhookConfig is what a Webhook is made of. URL and Secrets are required.
type WebhookConfig struct {
	// URL is the receiver's address, https or http. The body holds a token that
	// takes over an account, so http is for receivers on the same machine or in
	// a network that nobody else can listen in. User name and password in it are
	// sent as Basic credentials and never logged.
	URL string
	// Secrets sign the body, each with a signature of its own, so that a new
	// secret can be given to the receiver before the old one is taken away. A
	// secret is `whsec_` and base64, or the key itself; at least 24 bytes.
	Secrets []identity.Secret
	// Timeout bounds a request as a whole. Default: 5 seconds.
	Timeout time.Duration
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Webhook posts notifications to a receiver, signed as Standard Webhooks asks
// (https://www.standardwebhooks.com). The body is
//
//	{"name":"auth.password_reset","data":{"entity_id":…,"actor_type":…,"token":…,"metadata":{…},"provider":…},"metadata":{"created_at":…}}
//
// with Medusa's data of the event of the same name. The header webhook-id stays
// the same over all attempts; webhook-timestamp is that of the attempt.
//
// Only 2xx is success. Redirects are not followed, since they would take the
// token elsewhere. Every other answer is retried as well, also 4xx: a receiver
// that is configured wrongly must not lose resets. Retry-After is honoured.
type Webhook struct {
	url     *url.URL
	signers []*webhooks.Webhook
	client  *http.Client
	clock   func() time.Time
}

// NewWebhook checks the configuration and makes a Webhook. Its errors show
// neither the URL nor a secret.
func NewWebhook(c WebhookConfig) (*Webhook, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("webhook: the URL must be absolute and https or http")
	}
	setDefault(&c.Timeout, 5*time.Second)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if len(c.Secrets) == 0 {
		return nil, errors.New("webhook: a secret is required; write for example \"secret {env.MAILER_SECRET}\"")
	}
	w := &Webhook{url: u, clock: c.Clock}
	for i, s := range c.Secrets {
		signer, err := newSigner(s)
		if err != nil {
			return nil, fmt.Errorf("webhook: secret %d: %w", i+1, err)
		}
		w.signers = append(w.signers, signer)
	}
	w.client = &http.Client{
		Timeout: c.Timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	return w, nil
}

// Notify posts the notification.
func (w *Webhook) Notify(ctx context.Context, n identity.Notification) error {
	req, err := w.request(ctx, n)
	if err != nil {
		return err
	}
	answer, err := w.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL: even its query may hold a secret
		}
		return &identity.Error{
			Code: identity.CodeUnavailable, Reason: "webhook_unreachable", Message: "posting to the webhook", Err: err,
		}
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // only for the connection's sake
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return refusal{
		error: &identity.Error{
			Code: identity.CodeUnavailable, Reason: "webhook_refused", Message: "posting to the webhook",
			Err: fmt.Errorf("the receiver answered %d", answer.StatusCode),
		},
		wait: retryAfter(answer.Header.Get("Retry-After"), w.clock()),
	}
}

// Close closes idle connections.
func (w *Webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}

func (w *Webhook) request(ctx context.Context, n identity.Notification) (*http.Request, error) {
	body, err := encode(struct {
		Name     string            `json:"name"`
		Data     payload           `json:"data"`
		Metadata map[string]string `json:"metadata"`
	}{n.Name, payloadOf(n), map[string]string{"created_at": createdAt(n)}})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("making a webhook request") // the cause names the URL
	}
	now := w.clock()
	signatures := make([]string, len(w.signers))
	for i, s := range w.signers {
		if signatures[i], err = s.Sign(n.ID, now, body); err != nil {
			return nil, fmt.Errorf("signing a webhook request: %w", err)
		}
	}
	req.Header.Set(webhooks.HeaderWebhookID, n.ID)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "auth-sidecar")
	return req, nil
}

func newSigner(secret identity.Secret) (*webhooks.Webhook, error) {
	key := []byte(secret.Reveal())
	if encoded, ok := bytes.CutPrefix(key, []byte("whsec_")); ok {
		var err error
		if key, err = base64.StdEncoding.AppendDecode(nil, encoded); err != nil {
			return nil, errors.New("what follows whsec_ is not base64")
		}
	}
	if len(key) < minWebhookSecret {
		return nil, fmt.Errorf("has %d bytes, at least %d are needed", len(key), minWebhookSecret)
	}
	return webhooks.NewWebhookRaw(key)
}

// refusal is an answer of the receiver that is not success.
type refusal struct {
	error
	wait time.Duration
}

// RetryAfter is how long the receiver asks to be left alone; 0 if it did not.
func (r refusal) RetryAfter() time.Duration { return r.wait }

// Unwrap returns the error with the reason.
func (r refusal) Unwrap() error { return r.error }

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	const limit = 24 * time.Hour // more than any caller waits, and no overflow
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, limit)
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(t.Sub(now), 0), limit)
	}
	return 0
}
