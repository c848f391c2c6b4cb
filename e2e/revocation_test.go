//go:build unix

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// nodes are two Caddys on one Redis: what ends at the first must end at the second.
type nodes struct {
	first, second *Caddy
	relay         *identitytest.Relay // between the second and Redis
	redis         *identitytest.Redis
	age           time.Duration
}

func startNodes(t *testing.T, age time.Duration, site string) *nodes {
	t.Helper()
	n := &nodes{redis: identitytest.StartRedis(t), age: age}
	n.relay = identitytest.StartRelay(t, n.redis.Addr())
	global := strings.TrimSuffix(sidecarGlobal, "}") + "revocation cached " + age.String() + "\n}"
	start := func(url string) *Caddy {
		env := append(sidecarEnv(n.redis), "REDIS_URL="+url)
		return StartCaddy(t, CaddyConfig{Global: global, Site: site, Env: env})
	}
	n.first, n.second = start(n.redis.URL()), start(n.relay.URL())
	return n
}

// guarded is a site that lets in whom the sidecar knows.
const guarded = `auth_sidecar
auth_require * * {
	allow_unregistered
}
respond in`

// sent is an answer, and when its request began and it was there.
type sent struct {
	status       int
	header       http.Header
	body         string
	began, ended time.Time
}

func ask(t *testing.T, at *Caddy, method, path, body string, header ...string) sent {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return sent{res.StatusCode, res.Header, string(text), began, time.Now()}
}

func (s sent) want(t *testing.T, status int) sent {
	t.Helper()
	if s.status != status {
		t.Fatalf("got %d %s, want %d", s.status, s.body, status)
	}
	return s
}

func (s sent) token(t *testing.T) string {
	t.Helper()
	var body struct{ Token string }
	if err := json.Unmarshal([]byte(s.want(t, http.StatusOK).body), &body); err != nil || body.Token == "" {
		t.Fatalf("no token: %s", s.body)
	}
	return "Bearer " + body.Token
}

func (s sent) cookie(t *testing.T) string {
	t.Helper()
	cookie, _, _ := strings.Cut(s.want(t, http.StatusOK).header.Get("Set-Cookie"), ";")
	if cookie == "" {
		t.Fatalf("no cookie: %v", s.header)
	}
	return cookie
}

// refused waits until the second node refuses a credential that was revoked by an
// answer of the first, and returns how long that took. No request that began when
// the age had passed may succeed.
func (n *nodes) refused(t *testing.T, revoked time.Time, header ...string) time.Duration {
	t.Helper()
	for {
		got := ask(t, n.second, "GET", "/", "", header...)
		if got.status == http.StatusUnauthorized {
			return got.ended.Sub(revoked)
		}
		if got.want(t, http.StatusOK); got.began.Sub(revoked) > n.age {
			t.Fatalf("taken %v after the revocation", got.began.Sub(revoked))
		}
	}
}

// revocations ends bearers and sessions at the first node, and returns how long the
// second went on to take them.
func (n *nodes) revocations(t *testing.T, rounds int) []time.Duration {
	t.Helper()
	var people []string
	for p := range 8 {
		credentials := fmt.Sprintf(`{"email":"jane%d@example.com","password":"correct horse"}`, p)
		people = append(people, ask(t, n.first, "POST", "/auth/customer/emailpass/register", credentials).token(t))
	}
	var delays []time.Duration
	for round := range rounds {
		p := round % len(people)
		bearer := []string{"Authorization", people[p]}
		session := []string{"Cookie", ask(t, n.first, "POST", "/auth/session", "", bearer...).cookie(t)}
		for range 2 { // and now the second node believes them
			ask(t, n.second, "GET", "/", "", bearer...).want(t, http.StatusOK)
			ask(t, n.second, "GET", "/", "", session...).want(t, http.StatusOK)
		}
		if round%2 == 0 {
			ended := ask(t, n.first, "DELETE", "/auth/session", "", session...).want(t, http.StatusOK)
			delays = append(delays, n.refused(t, ended.ended, session...))
			ask(t, n.second, "GET", "/", "", bearer...).want(t, http.StatusOK)
			continue
		}
		ended := ask(t, n.first, "DELETE", "/auth/sessions?except=current", "", bearer...)
		people[p] = ended.token(t)
		delays = append(delays, n.refused(t, ended.ended, bearer...), n.refused(t, ended.ended, session...))
		ask(t, n.second, "GET", "/", "", "Authorization", people[p]).want(t, http.StatusOK)
	}
	return delays
}

func logDelays(t *testing.T, what string, delays []time.Duration) {
	slices.Sort(delays)
	at := func(share float64) time.Duration {
		return delays[int(share*float64(len(delays)-1))].Round(10 * time.Microsecond)
	}
	t.Logf("%s: %d revocations, refused on the other node after p50 %v, p99 %v, max %v", what, len(delays), at(0.5), at(0.99), at(1))
}

// A revoked credential is refused on the other node, at the latest when what it
// believes is too old, whatever becomes of the push (attacks F2, F5).
func TestRevocationOnAnotherNode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age    time.Duration
		rounds int
		fate   identitytest.Fate // of subscribing
	}{
		"push":        {time.Minute, 200, identitytest.Fate{}},
		"push cut":    {time.Second, 12, identitytest.Fate{Reset: identitytest.BeforeCommand}},
		"push silent": {time.Second, 12, identitytest.Fate{Vanish: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNodes(t, test.age, guarded)
			if test.age < time.Minute {
				n.breakPush(t, test.fate)
			} else {
				n.awaitPush(t, 2)
			}
			logDelays(t, name, n.revocations(t, test.rounds))
		})
	}
}

// subscribers counts those who listen to revocations.
func (n *nodes) subscribers(t *testing.T) int64 {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: n.redis.Addr()})
	defer client.Close()
	counts, err := client.PubSubNumSub(t.Context(), "auth:revoked").Result()
	if err != nil {
		t.Fatal(err)
	}
	return counts["auth:revoked"]
}

func (n *nodes) awaitPush(t *testing.T, subscribers int64) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); n.subscribers(t) != subscribers; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d listen, want %d", n.subscribers(t), subscribers)
		}
	}
}

// breakPush lets nothing of the push arrive at the second node, and all else.
func (n *nodes) breakPush(t *testing.T, fate identitytest.Fate) {
	t.Helper()
	n.awaitPush(t, 2)
	n.relay.Set(func(command []string) identitytest.Fate {
		if command[0] == "SUBSCRIBE" {
			return fate
		}
		return identitytest.Fate{}
	})
	client := redis.NewClient(&redis.Options{Addr: n.redis.Addr()})
	defer client.Close()
	if err := client.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	n.awaitPush(t, 1) // the first one is back
}

// Streams at the other node are closed as well (attack F7).
func TestStreamsOnAnotherNode(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.Header.Get("Upgrade") == "" {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = control.Flush()
			<-r.Context().Done()
			return
		}
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := control.Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, both)
	}))
	t.Cleanup(backend.Close)
	site := "auth_sidecar\nreverse_proxy " + strings.TrimPrefix(backend.URL, "http://")
	for name, age := range map[string]time.Duration{"push": time.Hour, "push silent": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNodes(t, age, site)
			if name == "push" {
				n.awaitPush(t, 2)
			} else {
				n.breakPush(t, identitytest.Fate{Vanish: true})
			}
			bearer := ask(t, n.first, "POST", "/auth/customer/emailpass/register", `{"email":"jane@example.com","password":"correct horse"}`).token(t)
			cookie := ask(t, n.first, "POST", "/auth/session", "", "Authorization", bearer).cookie(t)
			streams := map[string]*bufio.Reader{
				"events":    n.open(t, "Cookie: "+cookie+"\r\nAccept: text/event-stream\r\n", "data: 1"),
				"plain":     n.open(t, "Authorization: "+bearer+"\r\n", "data: 1"),
				"websocket": n.open(t, "Cookie: "+cookie+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", "hello"),
			}
			ended := ask(t, n.first, "DELETE", "/auth/sessions", "", "Cookie", cookie).want(t, http.StatusOK)
			for what, stream := range streams {
				if _, err := io.Copy(io.Discard, stream); err != nil && !strings.Contains(err.Error(), "reset") {
					t.Errorf("%s: %v", what, err) // a hang reaches the deadline
				}
				t.Logf("%s, %s: closed %v after the revocation", name, what, time.Since(ended.ended).Round(10*time.Microsecond))
			}
		})
	}
}

// open opens a stream at the second node, of which everything before first has come.
func (n *nodes) open(t *testing.T, header, first string) *bufio.Reader {
	t.Helper()
	conn, err := net.Dial("tcp", n.second.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // only a hang reaches it
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: shop\r\n"+header+"\r\nhello\n"); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", header, err)
		}
		if strings.HasPrefix(line, first) {
			return from
		}
	}
}
