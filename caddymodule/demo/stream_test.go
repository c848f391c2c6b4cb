package demo_test

import (
	"context"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

// timedRecorder notes when something was flushed.
type timedRecorder struct {
	*httptest.ResponseRecorder
	start   time.Time
	flushed []time.Duration
}

func (r *timedRecorder) Flush() { r.flushed = append(r.flushed, time.Since(r.start)) }

func TestEventsAreFlushedOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &timedRecorder{ResponseRecorder: httptest.NewRecorder(), start: time.Now()}
		demo.NewShop(demo.ShopOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/store/events?n=3", nil))
		want := "id: 1\nevent: tick\ndata: 1\n\nid: 2\nevent: tick\ndata: 2\n\nid: 3\nevent: tick\ndata: 3\n\n"
		if got := w.Body.String(); got != want || w.Header().Get("Content-Type") != "text/event-stream" {
			t.Errorf("got %q, want %q", got, want)
		}
		if want := []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond}; !reflect.DeepEqual(w.flushed, want) {
			t.Errorf("flushed at %v, want %v", w.flushed, want)
		}
	})
}

func TestEventsEndWithTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		start := time.Now()
		demo.NewShop(demo.ShopOptions{}).ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/store/events?n=36000", nil))
		if lasted := time.Since(start); lasted != 250*time.Millisecond {
			t.Errorf("lasted %v, want 250ms", lasted)
		}
	})
}

func TestEventsRefuseOddNumbers(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"-1", "x", "36001", "99999999999999999999"} {
		w := httptest.NewRecorder()
		demo.NewShop(demo.ShopOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/store/events?n="+n, nil))
		if want := `{"type":"invalid_data","message":"Invalid request: 'n' is a number from 0 to 36000"}`; w.Code != 400 || w.Body.String() != want {
			t.Errorf("n=%s: got %d %s, want 400 %s", n, w.Code, w.Body, want)
		}
	}
}

func TestWebSocketEcho(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server := httptest.NewServer(demo.NewShop(demo.ShopOptions{}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, server.URL+"/store/ws", &websocket.DialOptions{HTTPClient: server.Client()})
	if err != nil {
		t.Fatalf("dial: %v (%v)", err, res)
	}
	defer conn.CloseNow()
	for _, message := range []string{"hello", "", strings.Repeat("x", 32<<10)} {
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			if err := conn.Write(ctx, kind, []byte(message)); err != nil {
				t.Fatal(err)
			}
			gotKind, got, err := conn.Read(ctx)
			if err != nil || gotKind != kind || string(got) != message {
				t.Fatalf("got %v %d bytes, %v; want %v %d bytes", gotKind, len(got), err, kind, len(message))
			}
		}
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestWebSocketRefuses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(demo.NewShop(demo.ShopOptions{}))
	defer server.Close()
	for name, tc := range map[string]struct {
		headers map[string]string
		status  int
	}{
		"plain request":   {map[string]string{}, 426},
		"of another site": {map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "https://evil.example"}, 403},
	} {
		r := httptest.NewRequest("GET", server.URL+"/store/ws", nil).WithContext(t.Context())
		r.RequestURI = ""
		for key, value := range tc.headers {
			r.Header.Set(key, value)
		}
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tc.status {
			t.Errorf("%s: got %s, want %d", name, res.Status, tc.status)
		}
	}
}
