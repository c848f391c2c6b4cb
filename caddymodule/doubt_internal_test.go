package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A proxy closes the body of a request whose upstream broke, and what it reads
// then is no fault of the client's.
func TestClosedBodyHidesNoDoubt(t *testing.T) {
	t.Parallel()
	broken := caddyhttp.Error(http.StatusBadGateway, errors.New("connection reset"))
	for name, test := range map[string]struct {
		body   io.Reader
		closed bool
		doubts int
	}{
		"read to its end":     {strings.NewReader("{}"), false, 1},
		"closed by the proxy": {iotest.ErrReader(errors.New("body closed by handler")), true, 1},
		"malformed":           {iotest.ErrReader(errors.New("invalid byte in chunk length")), false, 0},
		"cut":                 {iotest.ErrReader(io.ErrUnexpectedEOF), false, 0},
		"none":                {http.NoBody, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doubts := 0
			h := &Handler{backend: &backend{doubt: func() { doubts++ }}}
			err := h.pass(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", test.body),
				caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
					if test.closed {
						_ = r.Body.Close()
					}
					_, _ = io.ReadAll(r.Body)
					return broken
				}))
			if err == nil || doubts != test.doubts {
				t.Errorf("got %v and %d doubts, want %d", err, doubts, test.doubts)
			}
		})
	}
}
