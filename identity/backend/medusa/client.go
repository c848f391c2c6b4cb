package medusa

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// DefaultTimeout bounds a call of the backend.
const DefaultTimeout = 5 * time.Second

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 1 << 20

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
	// Timeout bounds every call. Default: DefaultTimeout.
	Timeout time.Duration
	Logger  *slog.Logger
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Backend is a Medusa. It implements identity.Backend and is safe for concurrent
// use.
type Backend struct {
	Config
	base   string
	client *http.Client
	// once makes a connection for every call: one that was kept may be closed by
	// the backend in the moment of its use, and then nobody knows what happened.
	once   *http.Client
	limits *limits
	trust  trust
}

var _ identity.Backend = (*Backend)(nil)

// New checks the configuration and makes a Backend. It does not connect.
func New(c Config) (*Backend, error) {
	if c.Tokens == nil || c.Key.Empty() || c.Logger == nil {
		return nil, errors.New("medusa: a required part is missing")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("medusa: the address of the backend must be like http://medusa:9000, without user, query and fragment")
	}
	switch c.Shadow {
	case "":
		c.Shadow = Mirror
	case Mirror, Random, Off:
	default:
		return nil, fmt.Errorf("medusa: shadow %q: use mirror, random or off", c.Shadow)
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Timeout < 0 {
		return nil, fmt.Errorf("medusa: the timeout must not be negative, got %s", c.Timeout)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // the backend is a neighbour
	limits, err := newLimits()
	if err != nil {
		return nil, err
	}
	once := transport.Clone()
	once.DisableKeepAlives = true
	client := func(t *http.Transport) *http.Client {
		return &http.Client{
			Transport: t, Timeout: c.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &Backend{
		Config: c, base: strings.TrimSuffix(c.URL, "/"), limits: limits,
		client: client(transport), once: client(once),
	}, nil
}

// Close gives up the connections that are not in use.
func (b *Backend) Close() { b.client.CloseIdleConnections() }

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

func (b *Backend) postBy(ctx context.Context, client *http.Client, bearer string, body any, segments ...string) (*reply, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding a request to the backend: %w", err)
	}
	for n, segment := range segments {
		segments[n] = url.PathEscape(segment)
	}
	address := b.base + "/auth/" + strings.Join(segments, "/")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("making a request to the backend: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "auth-sidecar")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, unavailable(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer := &reply{status: response.StatusCode}
	if answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1)); err != nil {
		return nil, unavailable(err)
	}
	if len(answer.body) > maxAnswer {
		return nil, identity.Unavailable("backend_unexpected", errors.New("the backend's answer is too long"))
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(answer.body, answer); err != nil {
			return nil, identity.Unavailable("backend_unexpected", errors.New("the backend's answer is no JSON of the known form"))
		}
	}
	return answer, nil
}

// unavailable is the error for an answer that did not come. It names the kind of
// failure and not the address, which may be anything that a client typed.
func unavailable(err error) error {
	reason := "backend_network"
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "backend_refused"
	case errors.Is(err, context.Canceled):
		reason = "backend_canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		reason = "backend_timeout"
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return identity.Unavailable(reason, fmt.Errorf("asking the backend: %w", err))
}

// unexpected is the error for an answer that is not one of those known.
func unexpected(doing string, r *reply) error {
	return identity.Unavailable("backend_unexpected", fmt.Errorf("%s: the backend answered %d, type %q", doing, r.status, r.Type))
}

// is reports whether the backend refused with that status, type and message.
func (r *reply) is(status int, kind, message string) bool {
	return r.status == status && r.Type == kind && r.Message == message
}
