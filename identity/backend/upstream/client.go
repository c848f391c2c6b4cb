package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// DefaultTimeout bounds a call of the backend.
const DefaultTimeout = 5 * time.Second

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 1 << 20

// MaxAddress is the longest address, in bytes, whose password is tried at a backend.
const MaxAddress = 1 << 10

// Client calls one backend. It is safe for concurrent use.
type Client struct {
	base         string
	client, once *http.Client
}

// NewClient makes a Client of the backend at that address, http or https, without
// connecting. timeout bounds every call; 0 is DefaultTimeout.
func NewClient(address string, timeout time.Duration) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the address of the backend must be like http://medusa:9000, without user, query and fragment")
	}
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if timeout < 0 {
		return nil, fmt.Errorf("the timeout must not be negative, got %s", timeout)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // the backend is a neighbour
	once := transport.Clone()
	once.DisableKeepAlives = true
	client := func(t *http.Transport) *http.Client {
		return &http.Client{
			Transport: t, Timeout: timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &Client{strings.TrimSuffix(address, "/"), client(transport), client(once)}, nil
}

// Once returns the Client with a connection for every call: one that was kept may
// be closed by the backend in the moment of its use, and then nobody knows what
// happened.
func (c *Client) Once() *Client { return &Client{c.base, c.once, c.once} }

// Sent returns a context for one call, and whether its request was on its way: from
// then on it may have been heard, whatever comes back.
func Sent(ctx context.Context) (traced context.Context, sent func() bool) {
	var wrote atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }}), wrote.Load
}

// Timeout returns how long a call may take.
func (c *Client) Timeout() time.Duration { return c.client.Timeout }

// Close gives up the connections that are not in use.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// Answer is what the backend said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Decode reads the body into v if it says that it is JSON, and leaves v alone if not.
func (a *Answer) Decode(v any) error {
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	if err := json.Unmarshal(a.Body, v); err != nil {
		return identity.Unavailable("backend_unexpected", errors.New("the backend's answer is no JSON of the known form"))
	}
	return nil
}

// Unexpected is the error for an answer that is not one of those known; kind is what
// Medusa calls the type of an error.
func Unexpected(doing string, status int, kind string) error {
	return identity.Unavailable("backend_unexpected", fmt.Errorf("%s: the backend answered %d, type %q", doing, status, kind))
}

// Do calls the escaped path, with a bearer token unless it is "" and a body in
// JSON unless it is nil. An answer that did not come is CodeUnavailable.
func (c *Client) Do(ctx context.Context, method, path, bearer string, body any) (*Answer, error) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encoding a request to the backend: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("making a request to the backend: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "auth-sidecar")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := c.client.Do(r)
	if err != nil {
		return nil, Unavailable(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer := &Answer{Status: response.StatusCode, Header: response.Header}
	if answer.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1)); err != nil {
		return nil, Unavailable(err)
	}
	if len(answer.Body) > maxAnswer {
		return nil, identity.Unavailable("backend_unexpected", errors.New("the backend's answer is too long"))
	}
	return answer, nil
}

// Unavailable is the error for an answer that did not come. It names the kind of
// failure and not the address, which may be anything that a client typed.
func Unavailable(err error) error {
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
