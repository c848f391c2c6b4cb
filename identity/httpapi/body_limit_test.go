package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
)

// TestBodyLimit covers the limit of the package and one of a server around it.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	const tooLarge = `{"message":"request entity too large","type":"unknown_error"}`
	calls := &recorder{}
	c := calls.config("")
	c.MaxBody = 100
	limited, err := httpapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	inside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &wrapped{http.MaxBytesReader(w, r.Body, 100)}
		calls.handler(t, "").ServeHTTP(w, r)
	})
	body := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	for name, h := range map[string]http.Handler{"own": limited, "outer": inside} {
		server := httptest.NewServer(h)
		for n, status := range map[int]int{8: 200, 100: 200, 101: 413, 100000: 413} {
			for _, media := range []string{"application/json", formMedia, "text/plain"} {
				for framing, reader := range map[string]io.Reader{
					"length": strings.NewReader(body(n)), "chunked": struct{ io.Reader }{strings.NewReader(body(n))},
				} {
					res, err := server.Client().Post(server.URL+loginPath, media, reader)
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(res.Body)
					res.Body.Close()
					if err != nil || res.StatusCode != status || status == 413 && string(got) != tooLarge {
						t.Errorf("%s limit, %d bytes of %s, %s: got %d %s (%v)", name, n, media, framing, res.StatusCode, got, err)
					}
				}
			}
			// What is not read cannot be too large.
			res, err := server.Client().Post(server.URL+loginPath, "application/octet-stream", strings.NewReader(body(n)))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("%s limit, %d octets: got %d", name, n, res.StatusCode)
			}
		}
		server.Close()
	}
	handler := calls.handler(t, "")
	for n, status := range map[int]int{httpapi.DefaultMaxBody: 200, httpapi.DefaultMaxBody + 1: 413} {
		if w := send(handler, http.MethodPost, loginPath, "application/json", body(n)); w.Code != status {
			t.Errorf("default limit, %d bytes: got %d", n, w.Code)
		}
	}
}

// wrapped hides the error of a limit in another one, as Caddy does.
type wrapped struct{ io.ReadCloser }

func (b *wrapped) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("HTTP 413: %w", err)
	}
	return n, err
}

// TestBodyThatEndsEarly: half a body is no body.
func TestBodyThatEndsEarly(t *testing.T) {
	t.Parallel()
	calls := &recorder{}
	server := httptest.NewServer(calls.handler(t, ""))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":\"b\"}", loginPath)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 400 || string(body) != `{"message":"request aborted","type":"invalid_data"}` {
		t.Errorf("got %d %s (%v)", res.StatusCode, body, err)
	}
	if calls.String() != "" {
		t.Errorf("got %s", calls)
	}
}
