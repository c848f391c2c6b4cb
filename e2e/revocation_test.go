//go:build unix

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

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
