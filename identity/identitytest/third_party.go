package identitytest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// NewAttempt returns a log-in that goes to a third party and is to come back to that
// page.
func NewAttempt(callbackURL string) identity.Attempt {
	return identity.Attempt{
		CallbackURL: callbackURL, Verifier: identity.NewSecret(strings.Repeat("v", 43)), Nonce: strings.Repeat("n", 43),
	}
}

// browser follows no redirect.
var browser = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Redirected goes to an address as a browser does, and returns where it is sent.
func Redirected(t testing.TB, address string) *url.URL {
	t.Helper()
	response, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	to, err := response.Location()
	if err != nil {
		t.Fatalf("status %d: %v", response.StatusCode, err)
	}
	return to
}
