package oidc_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oidc"
)

// An endpoint that is down, slow, endless, or sends the sidecar elsewhere.
// (attacks.md D14)
func TestHostileEndpoints(t *testing.T) {
	t.Parallel()
	var lured atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { lured.Add(1) }))
	t.Cleanup(inside.Close)
	redirect := func(status int, to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(status)
		}
	}
	write := func(kind string, status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		reason  string
		timeout time.Duration
	}{
		"redirect":             {answer: redirect(302, inside.URL), reason: "provider_redirects"},
		"redirect, POST again": {answer: redirect(307, inside.URL), reason: "provider_redirects"},
		"for good":             {answer: redirect(308, inside.URL), reason: "provider_redirects"},
		"redirect to metadata": {answer: redirect(301, "http://169.254.169.254/latest/meta-data"), reason: "provider_redirects"},
		"redirect to a file":   {answer: redirect(303, "file:///etc/passwd"), reason: "provider_redirects"},
		"redirect to nowhere":  {answer: redirect(302, ""), reason: "provider_redirects"},
		"not modified":         {answer: redirect(304, ""), reason: "provider_redirects"},
		"500":                  {answer: write("text/plain", 500, hostile), reason: "provider_failed"},
		"503":                  {answer: write("application/json", 503, `{"error":"invalid_grant"}`), reason: "provider_failed"},
		"429":                  {answer: write("application/json", 429, `{}`), reason: "provider_failed"},
		"HTML":                 {answer: write("text/html", 200, "<h1>"+hostile), reason: "provider_answer_unusable"},
		"text":                 {answer: write("text/plain", 200, hostile), reason: "provider_answer_unusable"},
		"empty":                {answer: write("application/json", 200, ""), reason: "provider_answer_unusable"},
		"half JSON":            {answer: write("application/json", 200, `{"issuer":`), reason: "provider_answer_unusable"},
		"array":                {answer: write("application/json", 200, `[]`), reason: "provider_answer_unusable"},
		"null":                 {answer: write("application/json", 200, `null`), reason: "provider_answer_unusable"},
		"deep": {
			answer: write("application/json", 200, strings.Repeat(`{"a":`, 100_000)), reason: "provider_answer_unusable",
		},
		"long": {
			answer: write("application/json", 200, `{"access_token":"`+strings.Repeat("a", 2<<20)+`"}`), reason: "provider_answer_unusable",
		},
		"endless": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"a"}`)
			for _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err == nil; {
				_, err = io.WriteString(w, strings.Repeat(" ", 1<<16))
			}
		}, reason: "provider_answer_unusable"},
		"bomb": {answer: func(w http.ResponseWriter, _ *http.Request) {
			var bomb bytes.Buffer
			packer := gzip.NewWriter(&bomb)
			_, _ = packer.Write(bytes.Repeat([]byte(" "), 4<<20))
			_ = packer.Close()
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, reason: "provider_answer_unusable"},
		"long header": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", 1<<20))
		}, reason: "provider_unreachable"},
		"broken off": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, reason: "provider_unreachable"},
		"no HTTP": {answer: func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(connection, hostile+"\r\n\r\n")
				_ = connection.Close()
			}
		}, reason: "provider_unreachable"},
		"slow": {timeout: 100 * time.Millisecond, answer: func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, reason: "provider_timeout"},
		"slow body": {timeout: 100 * time.Millisecond, answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, reason: "provider_timeout"},
	} {
		for _, endpoint := range []demoidp.Endpoint{demoidp.Discovery, demoidp.Token, demoidp.Keys, demoidp.UserInfo} {
			t.Run(name+string(endpoint), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(c *oidc.Config) {
					if test.timeout != 0 {
						c.Timeout = test.timeout
					}
				})
				a := newAttempt()
				code := ""
				if endpoint != demoidp.Discovery {
					code = w.visit(t, a)
				}
				w.idp.Misbehave(demoidp.Faults{
					Claims: func(claims map[string]any) { delete(claims, "email") }, // so that userinfo is asked
					Answer: func(e demoidp.Endpoint, r http.ResponseWriter, request *http.Request) bool {
						if e == endpoint {
							_, _ = io.Copy(io.Discard, request.Body) // so that a client that leaves is noticed
							test.answer(r, request)
						}
						return e == endpoint
					},
				})
				_, err := w.shop.Profile(t.Context(), code, a)
				wantRefusal(t, err, identity.CodeUnavailable, test.reason, "Service temporarily unavailable")
			})
		}
	}
	t.Cleanup(func() {
		if lured.Load() != 0 {
			t.Error("a redirect was followed")
		}
	})
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	p := newProvider(t, config(closed.URL))
	_, err := p.Location(t.Context(), "s", newAttempt())
	wantRefusal(t, err, identity.CodeUnavailable, "provider_unreachable", "Service temporarily unavailable")
	_, err = p.Profile(t.Context(), "c", newAttempt())
	wantRefusal(t, err, identity.CodeUnavailable, "provider_unreachable", "Service temporarily unavailable")
}
