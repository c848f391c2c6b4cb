package oauth

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxAnswer is the longest answer that is read, in bytes, after decompression. It
// is less than what x/oauth2 reads, which would take the beginning for the whole.
const maxAnswer = 1<<20 - 1

// maxHeader is the longest header that is read, in bytes.
const maxHeader = 64 << 10

// Failures of a call that the transport finds.
var (
	errRedirected = errors.New("the provider redirects")
	errTooLarge   = fmt.Errorf("the provider's answer is longer than %d bytes", maxAnswer)
)

// statusError is an answer that says to try again later.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the provider answered %d", int(s)) }

// newHTTPClient makes a client whose answers are bounded; contexts
// bound its time. Proxies are those of
// the environment.
func newHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	return &http.Client{Transport: bounded{transport}}
}

// bounded is a transport that turns redirects, temporary failures and long
// answers into errors: the libraries above it would follow, misread or swallow
// them. (attacks.md D14)
type bounded struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json") // GitHub answers a form otherwise
	}
	r.Header.Set("User-Agent", "auth-sidecar") // GitHub wants one
	response, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch status := response.StatusCode; {
	case status >= 300 && status < 400:
		err = errRedirected
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		err = statusError(status)
	}
	if err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	response.Body = &cappedBody{ReadCloser: response.Body, left: maxAnswer}
	return response, nil
}

// cappedBody fails where a limited reader would end as if that had been all.
type cappedBody struct {
	io.ReadCloser
	left int64
}

func (c *cappedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// GetJSON reads a JSON document. It returns the status of an answer other than
// 200, which is not read; CodeUnavailable if there is no answer or if it is none
// of that form.
func (c *Client) GetJSON(ctx context.Context, address string, header http.Header, into any) (status int, err error) {
	ctx, cancel := c.Bounded(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, Unusable("an address that cannot be asked")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := c.http.Do(r)
	if err != nil {
		return 0, unavailable(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, unavailable(err)
	}
	if json.Unmarshal(body, into) != nil {
		return 0, Unusable("no JSON of the known form")
	}
	return response.StatusCode, nil
}

// Unanswered is the error for a call that somebody did not wait for.
func Unanswered(err error) error { return unavailable(err) }

// Unusable is the error for an answer that cannot be what the provider means. what
// is one of our own words.
func Unusable(what string) error {
	return identity.Unavailable("provider_answer_unusable", errors.New("the provider's answer: "+what))
}

// unavailable is the error for an answer that did not come or was cut. The text
// is of fixed words: net/http quotes what the other side sent.
func unavailable(err error) error {
	var (
		timeout interface{ Timeout() bool }
		status  statusError
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
	)
	reason, text := "provider_unreachable", "the connection failed"
	switch {
	case errors.Is(err, errRedirected):
		reason, text = "provider_redirects", errRedirected.Error()
	case errors.Is(err, errTooLarge):
		reason, text = "provider_answer_unusable", errTooLarge.Error()
	case errors.As(err, &status):
		reason, text = "provider_failed", status.Error()
	case errors.Is(err, context.Canceled):
		reason, text = "provider_canceled", "the client did not wait"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		reason, text = "provider_timeout", "it took too long"
	case errors.Is(err, syscall.ECONNREFUSED):
		text = "connection refused"
	case errors.As(err, &dns):
		text = "its host name cannot be resolved"
	case errors.As(err, &cert):
		text = "its certificate is not trusted"
	}
	return identity.Unavailable(reason, errors.New("asking the provider: "+text))
}
