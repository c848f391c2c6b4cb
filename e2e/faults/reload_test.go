//go:build unix

package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// soak is a Caddy that is reloaded by its admin endpoint.
type soak struct {
	*stand
	url, admin, caddyfile string
	served                atomic.Int64
	repeated              atomic.Int64
}

// newSoak starts it; what is upgraded outlives a reload by policy of reverse_proxy,
// whose connections to the backend would do so, too, for two minutes of idleness.
func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{stand: newStand(t)}
	config := s.config(s.redis.URL(), "cached 5s", patient)
	port, admin := identitytest.FreePort(t), identitytest.FreePort(t)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.admin = net.JoinHostPort("127.0.0.1", strconv.Itoa(admin))
	s.url = "http://" + addr
	s.caddyfile = "{\nadmin " + s.admin + "\npersist_config off\ngrace_period 5s\n" + config.Global + "\n}\n" +
		"http://:" + strconv.Itoa(port) + " {\nbind 127.0.0.1\n" +
		strings.Replace(config.Site, "reverse_proxy {env.BACKEND}", "reverse_proxy {env.BACKEND} {\nstream_close_delay 1h\ntransport http {\nkeepalive 1s\n}\n}", 1) + "\n}\n"
	e2e.StartCaddyfile(t, "Caddyfile", s.caddyfile, []string{addr, s.admin}, config.Env)
	return s
}

// reload loads a configuration that differs from the one before.
func (s *soak) reload(t *testing.T, n int) {
	t.Helper()
	text := strings.Replace(s.caddyfile, "notify stream", fmt.Sprintf("notify stream\nreset_ttl %dm", 1+n%60), 1)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.admin+"/load", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/caddyfile")
	if a, err := e2e.Send(r); err != nil || a.Status != http.StatusOK {
		t.Fatalf("reload %d: %d %s, %v", n, a.Status, a.Body, err)
	}
}

// ask sends a request until there is an answer, for a moment: a connection that
// waits in the queue of a listener which Caddy closes is reset, whatever the
// handlers are. Everything that is sent here may be sent again.
func (s *soak) ask(ctx context.Context, c call) (a e2e.Answer, err error) {
	for range 10 {
		if a, err = c.send(ctx, s.url); err == nil || ctx.Err() != nil {
			break
		}
		s.repeated.Add(1)
	}
	return a, err
}

var (
	goroutines = regexp.MustCompile(`goroutine profile: total (\d+)`)
	heap       = regexp.MustCompile(`# HeapAlloc = (\d+)`)
)

// measure returns how many goroutines there are and how much memory is in use after
// a collection.
func (s *soak) measure(t *testing.T) (routines, bytes int) {
	t.Helper()
	read := func(path string, number *regexp.Regexp) int {
		found := number.FindStringSubmatch(s.profile(t, path))
		if found == nil {
			t.Fatalf("nothing to read in %s", path)
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return read("goroutine?debug=1", goroutines), read("heap?gc=1&debug=1", heap)
}

func (s *soak) profile(t *testing.T, path string) string {
	t.Helper()
	res, err := http.Get("http://" + s.admin + "/debug/pprof/" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, res.Body); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// Reload after reload under load: no request fails, no session is lost, an open
// connection stays open, and neither goroutines nor memory grow (attack F11).
func TestReloads(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	reloads := 50
	if whole {
		reloads = 1000
	}
	p := s.joined(t)
	r, err := upgrade("/mine", p.bearer()...).request(t.Context(), s.url)
	if err != nil {
		t.Fatal(err)
	}
	running, a, err := open(r)
	if err != nil || running == nil {
		t.Fatalf("%d %s, %v", a.Status, a.Body, err)
	}
	defer running.Close()
	first, firstHeap := s.measure(t)

	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	load := func(c call, look func(e2e.Answer) error) {
		busy.Go(func() {
			for ctx.Err() == nil {
				got, err := s.ask(ctx, c)
				if ctx.Err() != nil {
					return
				}
				if err == nil && got.Status != http.StatusOK {
					err = fmt.Errorf("answered %d %s", got.Status, got.Body)
				}
				if err == nil {
					err = look(got)
				}
				if err != nil {
					t.Errorf("%s during a reload: %v", c.target, err)
					return
				}
				s.served.Add(1)
			}
		})
	}
	anything := func(e2e.Answer) error { return nil }
	load(get("/mine", p.bearer()...), served(p))
	load(get("/mine", p.browser()...), served(p))
	load(post(session, "", p.bearer()...), anything)
	load(p.logIn(), anything)

	for n := 1; n <= reloads && !t.Failed(); n++ {
		s.reload(t, n)
		before := s.served.Load()
		eventually(t, "requests are served after a reload", func() bool { return s.served.Load() > before || t.Failed() })
	}
	busiest, busiestHeap := s.measure(t)
	if err := running.echo("still"); err != nil {
		t.Errorf("a connection that was open is open no longer: %v", err)
	}
	stop()
	busy.Wait()
	defer func() {
		if t.Failed() {
			t.Log(s.profile(t, "goroutine?debug=1"))
		}
	}()
	// Beside what was there before are some connections that the load has made.
	const slack, slackHeap = 25, 16 << 20
	var last, lastHeap int
	eventually(t, "what reloads left behind ends", func() bool {
		last, lastHeap = s.measure(t)
		return last <= first+slack && lastHeap <= firstHeap+slackHeap || t.Failed()
	})
	t.Logf("%d reloads, %d requests, none failed; %d connections that Caddy reset in the queue of a closed listener were made again", reloads, s.served.Load(), s.repeated.Load())
	t.Logf("before: %d goroutines, %d KiB; with the last reloads on their way out: %d, %d KiB; afterwards: %d, %d KiB",
		first, firstHeap>>10, busiest, busiestHeap>>10, last, lastHeap>>10)
	if got := get("/mine", p.browser()...).must(t, s.url, http.StatusOK); served(p)(got) != nil {
		t.Errorf("the session is lost: %s", got.Body)
	}
}
