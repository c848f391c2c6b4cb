package medusa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/upstream"
)

// Tokens are what the backend accepts, and knows those that it mints;
// *token.Ring is one with the backend's own secret.
type Tokens interface {
	Access(c identity.Claims) (string, error)
	ParseReset(raw string) (*identity.ResetClaims, error)
}

// Config is what a Backend is made of. URL, Tokens, Key and Logger are required.
type Config struct {
	// URL is where the backend is: http or https, a host, perhaps a path.
	URL    string
	Tokens Tokens
	// Key is what the passwords and addresses of shadows are derived from.
	Key identity.Secret
	// PreviousKeys are what they were derived from before: a mirror that was made
	// with one of them is found again.
	PreviousKeys []identity.Secret
	// Shadow says which identities are made at the backend. Default: Mirror.
	Shadow Shadow
	// Timeout bounds every call. Default: upstream.DefaultTimeout.
	Timeout time.Duration
	Logger  *slog.Logger
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Backend is a Medusa. It implements identity.Backend and is safe for concurrent
// use.
type Backend struct {
	Config
	client *upstream.Client
	trust  *upstream.Trust
}

var _ identity.Backend = (*Backend)(nil)

// New checks the configuration and makes a Backend. It does not connect.
func New(c Config) (*Backend, error) {
	if c.Tokens == nil || c.Key.Empty() || c.Logger == nil {
		return nil, errors.New("medusa: a required part is missing")
	}
	switch c.Shadow {
	case "":
		c.Shadow = Mirror
	case Mirror, Random, Off:
	default:
		return nil, fmt.Errorf("medusa: shadow %q: use mirror, random or off", c.Shadow)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	client, err := upstream.NewClient(c.URL, c.Timeout)
	if err != nil {
		return nil, fmt.Errorf("medusa: %w", err)
	}
	b := &Backend{Config: c, client: client}
	b.trust = upstream.NewTrust(client.Timeout(), c.Clock, b.probe)
	return b, nil
}

// Close gives up the connections that are not in use.
func (b *Backend) Close() { b.client.Close() }

// reply is an answer of the backend.
type reply struct {
	status int
	body   []byte

	Token       string          `json:"token"`
	Type        string          `json:"type"`
	Message     string          `json:"message"`
	MFARequired bool            `json:"mfa_required"`
	User        json.RawMessage `json:"user"`
}

// post calls a route below /auth. segments are escaped. bearer may be empty.
func (b *Backend) post(ctx context.Context, bearer string, body any, segments ...string) (*reply, error) {
	return b.postBy(ctx, b.client, bearer, body, segments...)
}

func (b *Backend) postBy(ctx context.Context, client *upstream.Client, bearer string, body any, segments ...string) (*reply, error) {
	for n, segment := range segments {
		segments[n] = url.PathEscape(segment)
	}
	return b.send(ctx, client, http.MethodPost, "/auth/"+strings.Join(segments, "/"), bearer, body)
}

// send calls a route of the backend. bearer may be empty, and body nil.
func (b *Backend) send(ctx context.Context, client *upstream.Client, method, path, bearer string, body any) (*reply, error) {
	got, err := client.Do(ctx, method, path, bearer, body)
	if err != nil {
		return nil, err
	}
	r := &reply{status: got.Status, body: got.Body}
	if err := got.Decode(r); err != nil {
		return nil, err
	}
	return r, nil
}

// unexpected is the error for an answer that is not one of those known.
func unexpected(doing string, r *reply) error {
	return upstream.Unexpected(doing, r.status, r.Type)
}

// is reports whether the backend refused with that status, type and message.
func (r *reply) is(status int, kind, message string) bool {
	return r.status == status && r.Type == kind && r.Message == message
}
