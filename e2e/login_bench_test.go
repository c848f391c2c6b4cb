//go:build unix

package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

// BenchmarkLogin measures logins per second against the pure cost of the hash,
// and how long proxied requests take while 200 clients try to log in. Run it by
// `make bench`.
func BenchmarkLogin(b *testing.B) {
	site, shop := benchSite(b)
	token := shop.token(b, "bench@example.com")
	body := `{"email":"bench@example.com","password":"bench-password"}`
	login := []byte("POST /auth/customer/emailpass HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
	proxied := load{addr: site.Addr(), connections: 4, status: http.StatusOK,
		request: func(int) []byte { return get("/cached/x", "Authorization: Bearer "+token) }}

	for b.Loop() {
		var hashes, logins []float64
		for range 5 {
			hashes = append(hashes, hashesPerSecond(b, 40))
			start := time.Now()
			load{addr: site.Addr(), connections: 8, status: http.StatusOK, request: func(int) []byte { return login }}.send(b, 40)
			logins = append(logins, 40/time.Since(start).Seconds())
		}
		proxied.send(b, 2000)
		calm := proxied.send(b, benchRequests)
		stop, answers := crowd(b, site.Addr(), login, 200)
		pressed := proxied.send(b, benchRequests)
		stop()
		b.Logf("\n| | |\n|---|---|\n| hashes per second, one worker, nothing else | %.1f |\n| logins per second, 8 clients | %.1f |\n| ratio | %.3f |\n"+
			"| proxied request, no logins: p50, p99 | %.2f ms, %.2f ms |\n| proxied request, 200 clients logging in: p50, p99 | %.2f ms, %.2f ms |\n| answers to those logins: 200, 503 | %d, %d |\n",
			median(hashes), median(logins), median(ratios(logins, hashes)),
			millis(median(calm)), millis(quantile(calm, 0.99)), millis(median(pressed)), millis(quantile(pressed, 0.99)),
			answers.ok.Load(), answers.busy.Load())
		b.ReportMetric(median(ratios(logins, hashes)), "logins/hash")
		b.ReportMetric(millis(quantile(pressed, 0.99)), "p99-ms-pressed")
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// hashesPerSecond verifies passwords as the sidecar does by default, in this
// process and one at a time.
func hashesPerSecond(b *testing.B, n int) float64 {
	b.Helper()
	hasher, err := password.New(password.Config{})
	if err != nil {
		b.Fatal(err)
	}
	stored, err := hasher.Hash(b.Context(), "bench-password")
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	for range n {
		if same, err := hasher.Verify(b.Context(), stored, "bench-password"); err != nil || !same {
			b.Fatal(same, err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

type crowdAnswers struct{ ok, busy atomic.Int64 }

// crowd has clients that log in again and again until stop is called. Every
// answer must be 200 or 503.
func crowd(b *testing.B, addr string, login []byte, clients int) (stop func(), answers *crowdAnswers) {
	answers = new(crowdAnswers)
	var ended atomic.Bool
	var all sync.WaitGroup
	var odd atomic.Value
	for range clients {
		all.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				odd.Store(err.Error())
				return
			}
			defer conn.Close()
			reader := bufio.NewReader(conn)
			for !ended.Load() {
				if _, err := conn.Write(login); err != nil {
					odd.Store(err.Error())
					return
				}
				switch status, err := readAnswer(reader); {
				case err != nil:
					odd.Store(err.Error())
					return
				case status == http.StatusOK:
					answers.ok.Add(1)
				case status == http.StatusServiceUnavailable:
					answers.busy.Add(1)
					time.Sleep(100 * time.Millisecond) // a client that is told to try again does not spin
				default:
					odd.Store(fmt.Sprintf("a login was answered %d", status))
					return
				}
			}
		})
	}
	return func() {
		ended.Store(true)
		all.Wait()
		if text, ok := odd.Load().(string); ok && !strings.Contains(text, "EOF") {
			b.Error(text)
		}
	}, answers
}
