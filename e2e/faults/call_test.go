//go:build unix

package faults

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// call is a request that can be sent any number of times.
type call struct {
	method, target, body string
	header               []string // names and values in turns
}

var clients atomic.Uint32

// request makes the request as it goes to the Caddy at base, from a client of its
// own: limits by client are not what is tested.
func (c call) request(ctx context.Context, base string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, c.method, base+c.target, strings.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	if c.target != "" { // a log-in at a third party ends at the host where it began, whichever node that is
		r.Host = "shop.example.com"
	}
	var address [4]byte
	binary.BigEndian.PutUint32(address[:], 10<<24|clients.Add(1))
	r.Header.Set("X-Forwarded-For", netip.AddrFrom4(address).String())
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(c.header); i += 2 {
		r.Header.Set(c.header[i], c.header[i+1])
	}
	return r, nil
}

// send sends it. Of an upgraded connection it is answered 101 if what is said there
// comes back.
func (c call) send(ctx context.Context, base string) (e2e.Answer, error) {
	r, err := c.request(ctx, base)
	if err != nil {
		return e2e.Answer{}, err
	}
	if r.Header.Get("Upgrade") == "" {
		return e2e.Send(r)
	}
	stream, a, err := open(r)
	if stream != nil {
		defer stream.Close()
		err = stream.echo("hello")
	}
	return a, err
}

// must sends it to a Caddy that nothing is wrong with.
func (c call) must(t testing.TB, base string, status int) e2e.Answer {
	t.Helper()
	a, err := c.send(t.Context(), base)
	if err != nil || a.Status != status {
		t.Fatalf("%s %s: %d %s, %v; want %d", c.method, c.target, a.Status, a.Body, err, status)
	}
	return a
}

// until sends it until the answer is not 503: the store can be asked again. Only a
// defect keeps it waiting for long.
func (c call) until(t testing.TB, base string) e2e.Answer {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		a, err := c.send(t.Context(), base)
		if err == nil && a.Status != http.StatusServiceUnavailable {
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s %s: still %d %s, %v", c.method, c.target, a.Status, a.Body, err)
		}
	}
}

func get(target string, header ...string) call {
	return call{method: http.MethodGet, target: target, header: header}
}

func post(target, body string, header ...string) call {
	return call{http.MethodPost, target, body, header}
}

func remove(target string, header ...string) call {
	return call{method: http.MethodDelete, target: target, header: header}
}

func upgrade(target string, header ...string) call {
	return get(target, append([]string{"Connection", "Upgrade", "Upgrade", "websocket"}, header...)...)
}

func credentials(email, password string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
}

// cookie returns the cookie that the answer sets, "" if it sets none or deletes it.
func cookie(a e2e.Answer) string {
	value, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	if strings.HasSuffix(value, "=") {
		return ""
	}
	return value
}

// stream is an upgraded connection, on which the backend says what it hears.
type stream struct{ io.ReadWriteCloser }

func open(r *http.Request) (*stream, e2e.Answer, error) {
	res, err := streams.RoundTrip(r)
	if err != nil {
		return nil, e2e.Answer{}, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return &stream{res.Body.(io.ReadWriteCloser)}, e2e.Answer{Status: res.StatusCode, Header: res.Header}, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return nil, e2e.Answer{Status: res.StatusCode, Header: res.Header, Body: string(text)}, err
}

var streams = &http.Transport{DisableCompression: true, DisableKeepAlives: true}

func (s *stream) echo(word string) error {
	if _, err := io.WriteString(s, word); err != nil {
		return err
	}
	heard := make([]byte, len(word))
	if _, err := io.ReadFull(s, heard); err != nil {
		return err
	}
	if string(heard) != word {
		return fmt.Errorf("said %q, heard %q", word, heard)
	}
	return nil
}
