//go:build unix

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
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
