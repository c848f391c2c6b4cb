package caddymodule_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Only a proxy that got no answer makes the sidecar ask anew whether the backend
// takes its tokens: neither the refusal of another handler does, nor a client
// that left.
func TestWhatIsDoubted(t *testing.T) {
	s := openRequiring(t, "", "error /refused 410\nerror /crowded 503")
	bearer, _ := s.signUp(t, "jane@example.com")
	asked := func() int {
		wantStatus(t, s.send(t, "GET", "/store/x", "", "Authorization", bearer), http.StatusOK)
		return s.medusa.Calls("POST /auth/token/refresh")
	}
	before := asked()
	wantStatus(t, s.send(t, "GET", "/refused", ""), http.StatusGone)
	wantStatus(t, s.send(t, "GET", "/crowded", "", "Authorization", bearer), http.StatusServiceUnavailable)
	s.medusa.Fault("GET /store/slow", identitytest.MedusaHangs)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		r, err := s.client.Do(s.request(t, "GET", "/store/slow", "").WithContext(ctx))
		if err == nil {
			err = r.Body.Close()
		}
		left <- err
	}()
	eventually(t, "the request is there", func() bool { return s.medusa.Calls("GET /store/slow") == 1 })
	leave()
	if err := <-left; err == nil {
		t.Error("it was answered")
	}
	eventually(t, "it is over", func() bool { return len(s.accessLines(t, "/store/slow")) == 1 })
	if n := asked(); n != before {
		t.Errorf("the backend was asked %d times again", n-before)
	}
	s.medusa.Fault("GET /store/lost", identitytest.MedusaLoses)
	wantStatus(t, s.send(t, "GET", "/store/lost", ""), http.StatusBadGateway)
	if n := asked(); n != before+1 {
		t.Errorf("the backend was asked %d times after the connection broke, want 1", n-before)
	}
}
