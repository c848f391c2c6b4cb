//go:build unix

package caddymodule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// admin sends a request to the admin endpoint of the configuration that runs.
func admin(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	for _, route := range caddymodule.AdminRoutes() {
		if route.Pattern != path {
			continue
		}
		w := httptest.NewRecorder()
		err := route.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		if refused, ok := errors.AsType[caddy.APIError](err); ok {
			return refused.HTTPStatus, refused.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	t.Fatalf("there is no %s", path)
	return 0, ""
}

const unlockPath, revokePath = "/auth_sidecar/unlock", "/auth_sidecar/revoke"

// locked is a shop in which one wrong guess of a network is too many.
type locked struct {
	*shop
	client *redis.Client
	people map[string]person
}

func openLocked(t *testing.T, names ...string) *locked {
	t.Helper()
	server := identitytest.StartRedis(t)
	l := &locked{
		shop: open(t, config{
			Redis: server.URL() + " {\ntimeout 20s\n}", Site: bothDialects,
			Realm: "rate_limit network 1 300h\nrate_limit account 40 400h\nrate_limit login 1000 600h\n",
		}),
		client: redis.NewClient(&redis.Options{Addr: server.Addr()}),
		people: map[string]person{},
	}
	t.Cleanup(func() { _ = l.client.Close() })
	for _, name := range names {
		l.people[name] = l.join(t, "customer", name+"@example.com")
	}
	l.settled(t)
	return l
}

// buckets returns the keys of guesses at accounts.
func (l *locked) buckets(t *testing.T) (keys []string) {
	t.Helper()
	for _, name := range []string{"account", "network", "device", "devices"} {
		some, err := l.client.Keys(t.Context(), "auth:rl:"+name+":*").Result()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, some...)
	}
	return keys
}

// settled waits until what was counted before somebody got in is given back.
func (l *locked) settled(t *testing.T) {
	t.Helper()
	eventually(t, "nothing is counted", func() bool { return len(l.buckets(t)) == 0 })
}

func (l *locked) logInAs(t *testing.T, email string) response {
	t.Helper()
	return l.send(t, "POST", "/auth/customer/emailpass", logInBody(email))
}

// lock guesses so that nobody gets in.
func (l *locked) lock(t *testing.T, email string) {
	t.Helper()
	wantStatus(t, l.send(t, "POST", "/auth/customer/emailpass", guess(email)), http.StatusUnauthorized)
	l.logInAs(t, email).wantLimited(t)
}

// Support lets somebody in whom guesses keep out, however they are named, and
// nobody else.
func TestOperatorUnlocks(t *testing.T) {
	l := openLocked(t, "ada", "bob")
	ada, bob := l.people["ada"], l.people["bob"]
	l.lock(t, bob.email)
	for name, body := range map[string]string{
		"by address": `{"provider":"emailpass","entity":" ADA@example.com"}`,
		"by id":      fmt.Sprintf(`{"identity_id":%q}`, ada.identityID),
		"by actor":   fmt.Sprintf(`{"realm":"default","actor_type":"customer","actor_id":%q}`, ada.actorID),
	} {
		t.Run(name, func(t *testing.T) {
			others := l.buckets(t)
			l.lock(t, ada.email)
			want := fmt.Sprintf(`{"unlocked":[%q],"emptied":2}`, ada.identityID)
			if status, answer := admin(t, "POST", unlockPath, body); status != http.StatusOK || answer != want {
				t.Errorf("got %d %s, want %s", status, answer, want)
			}
			if left := l.buckets(t); len(left) != len(others) {
				t.Errorf("%q are left of %q", left, others)
			}
			wantStatus(t, l.logInAs(t, ada.email), http.StatusOK)
			eventually(t, "what was counted is given back", func() bool { return len(l.buckets(t)) == len(others) })
			if status, answer := admin(t, "POST", unlockPath, body); status != http.StatusOK || !strings.HasSuffix(answer, `"emptied":0}`) {
				t.Errorf("again: got %d %s", status, answer)
			}
		})
	}
	l.logInAs(t, bob.email).wantLimited(t)
	wantIdentity(t, l.send(t, "GET", "/store/x", "", bearer(ada)...).seen(t), ada.identity()) // nobody is logged out
	if log := l.log(); !strings.Contains(log, `"msg":"limits emptied by the operator","realm":"default","auth_identity_ids":["`+ada.identityID+`"],"limits":2`) {
		t.Error("the log does not say who was unlocked")
	}
}

// An address that nobody has here may be one that has not moved over yet. Who is
// told that there is nobody is told what may be misspelt.
func TestUnlockNobody(t *testing.T) {
	l := openLocked(t)
	const nobody = `{"provider":"emailpass","entity":"new@example.com"}`
	if status, answer := admin(t, "POST", unlockPath, nobody); status != http.StatusNotFound || answer != "there is no such identity" {
		t.Errorf("got %d %s", status, answer)
	}
	l.lock(t, "new@example.com")
	if status, answer := admin(t, "POST", unlockPath, nobody); status != http.StatusOK || answer != `{"unlocked":[],"emptied":2}` {
		t.Errorf("got %d %s", status, answer)
	}
	wantStatus(t, l.send(t, "POST", "/auth/customer/emailpass", guess("new@example.com")), http.StatusUnauthorized)
	for _, path := range []string{unlockPath, revokePath} {
		for body, want := range map[string]string{
			`{"provider":"emailpas","entity":"ada@example.com"}`: "404 there is no such identity, and no provider emailpas; there is: emailpass",
			`{"identity_id":"authid_nobody"}`:                    "404 there is no such identity",
			`{"actor_type":"customer","actor_id":"cus_1"}`:       "404 there is no such identity",
			`{"provider":"emailpass"}`:                           "400 actor_type goes with actor_id, and provider with entity",
			`{}`:                                                 "400 name an identity_id, or an actor_type and actor_id, or a provider and entity",
			`{"mail":"ada@example.com"}`:                         `400 json: unknown field "mail"`,
		} {
			if status, answer := admin(t, "POST", path, body); fmt.Sprint(status, " ", answer) != want {
				t.Errorf("%s %s: got %d %s, want %s", path, body, status, answer, want)
			}
		}
		if status, _ := admin(t, "GET", path, ""); status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: got %d", path, status)
		}
		if status, answer := admin(t, "POST", path, `{"realm":"other","identity_id":"authid_1"}`); status != http.StatusNotFound {
			t.Errorf("another realm: got %d %s", status, answer)
		}
	}
}

// The line of a refusal says which limit it was and which key in Redis, by a name
// that only the realm can make of a person.
func TestLimitInTheLog(t *testing.T) {
	l := openLocked(t, "ada")
	l.lock(t, l.people["ada"].email)
	l.send(t, "POST", "/store/auth", logInBody(l.people["ada"].email)).wantLimited(t)
	var keys []string
	for text := range strings.Lines(l.log()) {
		var line struct{ Msg, Reason, Limit, Key string }
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line.Msg != "request refused" || line.Reason != "network_limited" {
			continue
		}
		if line.Limit != "network" || len(line.Key) != 44 {
			t.Errorf("got %s", text)
		}
		keys = append(keys, "auth:rl:"+line.Limit+":"+line.Key)
	}
	if keys = slices.Compact(keys); len(keys) != 1 {
		t.Fatalf("got the keys %q, of both dialects", keys)
	}
	if n, err := l.client.Del(t.Context(), keys[0]).Result(); err != nil || n != 1 {
		t.Fatalf("%s: %d, %v", keys[0], n, err)
	}
	wantStatus(t, l.logInAs(t, l.people["ada"].email), http.StatusOK)
}

// While Redis cannot be asked nobody is told that somebody was unlocked, nor where
// Redis is.
func TestUnlockWithoutAStore(t *testing.T) {
	server := identitytest.StartRedis(t)
	open(t, config{Redis: server.URL()})
	server.Stop()
	for _, body := range []string{`{"identity_id":"authid_1"}`, `{"provider":"emailpass","entity":"a@example.com"}`} {
		status, answer := admin(t, "POST", unlockPath, body)
		if status != http.StatusServiceUnavailable || !strings.HasPrefix(answer, "it is not known whether anything was unlocked: store_") || strings.Contains(answer, server.Addr()) {
			t.Errorf("got %d %s", status, answer)
		}
	}
}
