package oauth_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// A provider that keeps everybody waiting gets no more than 32 connections; who
// comes then waits for one of them, within their own time.
func TestConnections(t *testing.T) {
	t.Parallel()
	const most = 32
	var (
		arrived atomic.Int32
		all     = make(chan struct{})
		release = make(chan struct{})
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := arrived.Add(1); n <= most {
			if n == most {
				close(all)
			}
			<-release
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	c, err := oauth.New(oauth.Config{
		ID: "google", ClientID: "shop", ClientSecret: identity.NewSecret("s3cret"), CallbackURL: configured,
		Timeout: 10 * time.Minute, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var waiting sync.WaitGroup
	for range most {
		waiting.Go(func() {
			if _, err := c.GetJSON(t.Context(), server.URL, nil, new(struct{})); err != nil {
				t.Error(err)
			}
		})
	}
	<-all
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.GetJSON(short, server.URL, nil, new(struct{})); identity.ReasonOf(err) != "provider_timeout" || arrived.Load() != most {
		t.Errorf("got %v from one of %d connections", err, arrived.Load())
	}
	close(release)
	waiting.Wait()
	if status, err := c.GetJSON(t.Context(), server.URL, nil, new(struct{})); err != nil || status != http.StatusOK {
		t.Errorf("later: %d, %v", status, err)
	}
}
