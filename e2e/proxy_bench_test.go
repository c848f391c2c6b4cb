//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	benchRounds      = 7
	benchRequests    = 20_000
	benchConnections = 16
)

// BenchmarkProxy measures what verification adds to a plain reverse_proxy: CPU
// time of the Caddy process per request, and requests per second. Every round
// runs all cases one after the other, each against a plain reverse_proxy that
// is sent the same bytes, and the median of the rounds' ratios counts: other
// load on the machine hits both sides. Run it by `make bench`.
func BenchmarkProxy(b *testing.B) {
	site, shop := benchSite(b)
	bearer, session := shop.credentials(b)
	strict := benchShop{shop.url + "/strict"}
	strictBearer, strictSession := strict.credentials(b)
	cases := []struct {
		name, path string
		lines      []string
	}{
		{"no credential", "/cached/x", nil},
		{"bearer", "/cached/x", []string{bearer}},
		{"session, warm", "/cached/x", []string{session}},
		{"bearer, headers off", "/bare/x", []string{bearer}},
		{"session, warm, headers off", "/bare/x", []string{session}},
		{"session, cold", "/strict/x", []string{strictSession}},
		{"bearer, strict", "/strict/x", []string{strictBearer}},
	}
	pid := site.Pid()
	measure := func(request []byte, total int) (cpu time.Duration, perSecond float64) {
		before, start := cpuTime(b, pid), time.Now()
		load{addr: site.Addr(), connections: benchConnections, status: http.StatusOK,
			request: func(int) []byte { return request }}.send(b, total)
		elapsed := time.Since(start)
		return (cpuTime(b, pid) - before) / time.Duration(total), float64(total) / elapsed.Seconds()
	}
	for b.Loop() {
		plainCPU, cpu := make([][]time.Duration, len(cases)), make([][]time.Duration, len(cases))
		plainRate, rate := make([][]float64, len(cases)), make([][]float64, len(cases))
		for round := range benchRounds + 1 {
			for i, c := range cases {
				total := benchRequests
				if round == 0 { // warms connections, caches and the heap
					total /= 10
				}
				plain := func() (time.Duration, float64) { return measure(get("/plain/x", c.lines...), total) }
				ours := func() (time.Duration, float64) { return measure(get(c.path, c.lines...), total) }
				var p, o time.Duration
				var pr, or float64
				if round%2 == 0 { // who comes first changes, for the clock speed drifts
					p, pr = plain()
					o, or = ours()
				} else {
					o, or = ours()
					p, pr = plain()
				}
				if round > 0 {
					plainCPU[i], cpu[i] = append(plainCPU[i], p), append(cpu[i], o)
					plainRate[i], rate[i] = append(plainRate[i], pr), append(rate[i], or)
				}
			}
		}
		var table strings.Builder
		fmt.Fprintf(&table, "\n| request | CPU plain | CPU sidecar | ratio | req/s plain | req/s sidecar | ratio |\n|---|---|---|---|---|---|---|\n")
		for i, c := range cases {
			cpuRatio, rateRatio := ratios(cpu[i], plainCPU[i]), ratios(rate[i], plainRate[i])
			fmt.Fprintf(&table, "| %s | %.1f µs | %.1f µs | %.3f | %.0f | %.0f | %.3f |\n", c.name,
				micros(median(plainCPU[i])), micros(median(cpu[i])), median(cpuRatio),
				median(plainRate[i]), median(rate[i]), median(rateRatio))
			b.ReportMetric(median(cpuRatio), strings.NewReplacer(" ", "-", ",", "").Replace(c.name)+"-cpu-ratio")
		}
		b.Log(table.String())
	}
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func ratios[T interface{ ~int64 | ~float64 }](ours, plain []T) []float64 {
	list := make([]float64, len(ours))
	for i := range ours {
		list[i] = float64(ours[i]) / float64(plain[i])
	}
	return list
}

// benchSite starts Caddy, with real Redis behind it, with the same upstream at
// several paths: plain, with cached verification, the same without headers for
// the backend, and asking Redis every time.
func benchSite(b *testing.B) (*Caddy, benchShop) {
	if raceDetector {
		b.Fatal("a benchmark needs a binary without the race detector")
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // as a backend that makes an actor
			w.Header().Set("X-Auth-Link", "customer=cus_bench")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"products":[{"id":"prod_1","title":"Shirt"},{"id":"prod_2","title":"Mug"}],"count":2,"offset":0,"limit":50}`)
	}))
	b.Cleanup(upstream.Close)
	redis := identitytest.StartRedis(b)
	realm := `auth_sidecar %s {
		redis {env.REDIS_URL} {
			timeout 10s
		}
		jwt {
			secret {env.JWT_SECRET}
		}
		session {
			secret {env.COOKIE_SECRET}
		}
		notify log
		rate_limit login 1000000 24h
		rate_limit network 1000000 24h
		rate_limit account 1000000 24h
		%s
	}
	`
	address := strings.TrimPrefix(upstream.URL, "http://")
	site := StartCaddy(b, CaddyConfig{
		Global: "log {\nlevel WARN\n}\n" + fmt.Sprintf(realm, "default", "") + fmt.Sprintf(realm, "strict", "revocation strict"),
		Site: `
		handle /plain/* {
			reverse_proxy ` + address + `
		}
		handle /bare/* {
			auth_sidecar {
				headers off
			}
			reverse_proxy ` + address + `
		}
		handle /strict/* {
			auth_sidecar {
				realm strict
				prefix /strict/auth
				link customer POST /strict/store/customers
			}
			reverse_proxy ` + address + `
		}
		handle {
			auth_sidecar
			reverse_proxy ` + address + `
		}`,
		Env: []string{"REDIS_URL=" + redis.URL(), "JWT_SECRET=" + strings.Repeat("j", 32), "COOKIE_SECRET=" + strings.Repeat("c", 32)},
	})
	return site, benchShop{site.URL()}
}

// benchShop signs people up.
type benchShop struct{ url string }

func (s benchShop) post(b *testing.B, path, bearer string, body any) (http.Header, map[string]any) {
	b.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, s.url+path, bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	var members map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&members); err != nil || answer.StatusCode != http.StatusOK {
		b.Fatalf("POST %s: %s, %v", path, answer.Status, err)
	}
	return answer.Header, members
}

// token registers a customer and returns their access token.
func (s benchShop) token(b *testing.B, email string) string {
	_, registered := s.post(b, "/auth/customer/emailpass/register", "", map[string]string{"email": email, "password": "bench-password"})
	token := registered["token"].(string)
	s.post(b, "/store/customers", token, map[string]string{"email": email})
	_, refreshed := s.post(b, "/auth/token/refresh", token, struct{}{})
	return refreshed["token"].(string)
}

// credentials returns the header lines of a customer's bearer and session.
func (s benchShop) credentials(b *testing.B) (bearer, session string) {
	token := s.token(b, "bench@example.com")
	return "Authorization: Bearer " + token, "Cookie: " + s.cookie(b, token)
}

// cookie returns the name and value of a session cookie.
func (s benchShop) cookie(b *testing.B, token string) string {
	header, _ := s.post(b, "/auth/session", token, struct{}{})
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	return cookie
}
