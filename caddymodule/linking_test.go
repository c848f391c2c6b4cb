package caddymodule_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// actorOf asks who the holder of the bearer is by now.
func (s *shop) actorOf(t *testing.T, p person) string {
	t.Helper()
	r := s.send(t, "POST", "/auth/token/refresh", "", "Authorization", p.bearer)
	p.take(t, r)
	id, _ := verified(t, strings.TrimPrefix(p.bearer, "Bearer "))["actor_id"].(string)
	return id
}

const jsonType = "application/json; charset=utf-8"

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", jsonType)
	_, _ = io.WriteString(w, body)
}

func zipped(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, body)
	_ = z.Close()
}

// What the backend answers on a route that makes an actor decides whether the
// caller is linked; the client gets the answer in any case.
func TestLinking(t *testing.T) {
	s := open(t, config{Site: `auth_sidecar {
	link vendor POST /vendors/*/join
	link customer PUT /signup data.ids.main
}
encode gzip
reverse_proxy {backend}`})
	const body = `{"customer":{"id":"cus_1","email":"ada@example.com"}}`
	large := `{"customer":{"id":"cus_1","note":"` + strings.Repeat("x", 256<<10) + `"}}`
	for name, c := range map[string]struct {
		actorType, method, target string // default: customer POST /store/customers
		answer                    http.HandlerFunc
		linked                    string
		status                    int // default: 200
		body                      string
	}{
		"in the body":           {answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, body) }, linked: "cus_1", body: body},
		"of a user":             {actorType: "user", target: "/admin/invites/accept", answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"user":{"id":"user_1"}}`) }, linked: "user_1", body: `{"user":{"id":"user_1"}}`},
		"with another spelling": {target: "/Store/Customers/", answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, body) }, linked: "cus_1", body: body},
		"deep in the body":      {method: "PUT", target: "/signup", answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"data":{"ids":{"main":"c9"}}}`) }, linked: "c9", body: `{"data":{"ids":{"main":"c9"}}}`},
		"201": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, body)
		}, linked: "cus_1", status: 201, body: body},
		"in the header": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Auth-Link", "customer=cus_7")
			_, _ = io.WriteString(w, "welcome")
		}, linked: "cus_7", body: "welcome"},
		"in the header of a vendor": {actorType: "vendor", target: "/vendors/7/join", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Auth-Link", "customer=c, vendor=v1")
			w.WriteHeader(204)
		}, linked: "v1", status: 204},
		"the header wins": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Auth-Link", "customer=cus_7")
			writeJSON(w, body)
		}, linked: "cus_7", body: body},
		"gzip when asked": {answer: func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				zipped(w, body)
				return
			}
			writeJSON(w, body)
		}, linked: "cus_1", body: body},
		"gzip in any case": {answer: func(w http.ResponseWriter, _ *http.Request) { zipped(w, body) }, linked: "cus_1", body: body},
		"chunked": {answer: func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, body[:10])
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, body[10:])
		}, linked: "cus_1", body: body},
		"early hints first": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			writeJSON(w, body)
		}, linked: "cus_1", body: body},
		"too large": {answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, large) }, body: large},
		"too large, chunked": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, large)
		}, body: large},
		"refused": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Auth-Link", "customer=cus_7")
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(422)
			_, _ = io.WriteString(w, body)
		}, status: 422, body: body},
		"moved": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/x")
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(302)
			_, _ = io.WriteString(w, body)
		}, status: 302, body: body},
		"failed": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(500)
			_, _ = io.WriteString(w, body)
		}, status: 500, body: body},
		"no JSON": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, body)
		}, body: body},
		"broken JSON":          {answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, body[:len(body)-1]) }, body: body[:len(body)-1]},
		"no id":                {answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"customer":{}}`) }, body: `{"customer":{}}`},
		"id is no text":        {answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"customer":{"id":7}}`) }, body: `{"customer":{"id":7}}`},
		"id cannot be a field": {answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"customer":{"id":"a\r\nb"}}`) }, body: `{"customer":{"id":"a\r\nb"}}`},
		"another actor type":   {actorType: "user", answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, body) }, body: body},
		"header of another": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Auth-Link", "user=user_1")
			w.WriteHeader(204)
		}, status: 204},
		"another route": {target: "/store/customers/me", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Auth-Link", "customer=cus_7")
			writeJSON(w, body)
		}, body: body},
		"another method": {method: "PATCH", answer: func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, body) }, body: body},
		"empty":          {answer: func(http.ResponseWriter, *http.Request) {}},
	} {
		t.Run(name, func(t *testing.T) {
			actorType, method, target := or(c.actorType, "customer"), or(c.method, "POST"), or(c.target, "/store/customers")
			p := s.register(t, actorType, address(name))
			s.on(target, c.answer)
			defer s.on(target, nil)
			r := s.send(t, method, target, "{}", "Authorization", p.bearer, "Accept-Encoding", "gzip")
			got := r.body
			if r.Header.Get("Content-Encoding") == "gzip" {
				got = unzip(t, got)
			}
			if r.StatusCode != max(c.status, http.StatusOK) || got != c.body || r.Header.Get("Echo") == "" || r.Header["X-Auth-Link"] != nil {
				t.Errorf("the client got %d %.100s %v, want %d %.100s", r.StatusCode, got, r.Header, c.status, c.body)
			}
			if got := s.actorOf(t, p); got != c.linked {
				t.Errorf("linked to %q, want %q", got, c.linked)
			}
			if actorType != "customer" { // nor made a customer by the way
				p.take(t, s.send(t, "POST", "/auth/customer/emailpass", logInBody(p.email)))
				if got := s.actorOf(t, p); got != "" {
					t.Errorf("linked to the customer %q", got)
				}
			}
		})
	}
	if got := strings.Count(s.log(), "link_unreadable"); got != 8 {
		t.Errorf("link_unreadable stands %d times in the log, want it for two large answers, three that are no JSON and three without an id", got)
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func unzip(t *testing.T, text string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// A person keeps the actor that they have, and nobody is linked by a request
// without credential, or by one that is not theirs.
func TestLinkingTwice(t *testing.T) {
	s := open(t, config{})
	ada := s.register(t, "customer", "ada@example.com")
	ada.actorID = "cus_1"
	s.makeActor(t, ada)
	ada.actorID = "cus_2"
	s.makeActor(t, ada) // with the bearer from before, which has no actor
	if got := s.actorOf(t, ada); got != "cus_1" {
		t.Errorf("linked to %q", got)
	}
	if !strings.Contains(s.log(), "link_other_actor") {
		t.Error("the log does not say that the second actor is not linked")
	}
	s.on("/store/customers", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"customer":{"id":"cus_3"}}`) })
	for _, header := range [][]string{nil, {"Authorization", "Bearer x"}, {"Cookie", "connect.sid=x"}, basic} {
		if r := s.send(t, "POST", "/store/customers", "{}", header...); r.StatusCode != http.StatusOK || r.Header.Get("Echo") == "" {
			t.Errorf("%q: got %d %s", header, r.StatusCode, r.body)
		}
	}
}

// When the store is away at the moment of linking the client is told so, and the
// link is made as soon as the store is back.
func TestLinkingWhileTheStoreIsDown(t *testing.T) {
	for name, byHeader := range map[string]bool{"body": false, "header": true} {
		t.Run(name, func(t *testing.T) {
			redis := identitytest.StartRedis(t)
			s := open(t, config{Redis: redis.URL() + " {\ntimeout 2s\n}"})
			ada := s.register(t, "customer", "ada@example.com")
			s.on("/store/customers", func(w http.ResponseWriter, _ *http.Request) {
				redis.Pause()
				w.Header().Set("Set-Cookie", "cart=1")
				w.Header().Set("Etag", `"x"`)
				if byHeader {
					w.Header().Set("X-Auth-Link", "customer=cus_1")
				}
				writeJSON(w, `{"customer":{"id":"cus_1"}}`)
			})
			r := s.send(t, "POST", "/store/customers", "{}", "Authorization", ada.bearer)
			if r.StatusCode != http.StatusServiceUnavailable || r.body != unavailable || r.Header.Get("Retry-After") == "" ||
				r.Header["Set-Cookie"] != nil || r.Header["Etag"] != nil || r.Header["X-Auth-Link"] != nil {
				t.Errorf("got %d %s %v", r.StatusCode, r.body, r.Header)
			}
			redis.Resume()
			eventually(t, "the link is made", func() bool {
				r := s.send(t, "POST", "/auth/token/refresh", "", "Authorization", ada.bearer)
				if r.StatusCode == http.StatusServiceUnavailable {
					return false
				}
				return s.actorOf(t, ada) == "cus_1"
			})
			if !strings.Contains(s.log(), "what had failed about an actor is done") {
				t.Error("the log does not say that it was recorded")
			}
		})
	}
}

// What waits to be recorded is not lost when the configuration changes meanwhile,
// and the store with it.
func TestLinkingOverAReload(t *testing.T) {
	first, second := identitytest.StartRedis(t), identitytest.StartRedis(t)
	s := open(t, config{Redis: first.URL() + " {\ntimeout 200ms\n}"})
	ada := s.register(t, "customer", "ada@example.com")
	s.on("/store/customers", func(w http.ResponseWriter, _ *http.Request) {
		first.Pause()
		writeJSON(w, `{"customer":{"id":"cus_1"}}`)
	})
	s.send(t, "POST", "/store/customers", "{}", bearer(ada)...).wantUnavailable(t)
	s.mustLoad(config{Redis: second.URL()})
	if connected, references := caddymodule.PooledConnections(); connected != 2 || references != 2 {
		t.Errorf("%d connections with %d references, want one for what waits", connected, references)
	}
	first.Resume()
	eventually(t, "the link is recorded", func() bool { return strings.Contains(s.log(), "what had failed about an actor is done") })
	eventually(t, "the connection is given up", func() bool { connected, _ := caddymodule.PooledConnections(); return connected == 1 })
	s.mustLoad(config{Redis: first.URL()})
	if got := s.actorOf(t, ada); got != "cus_1" {
		t.Errorf("linked to %q", got)
	}
}
