package verify_test

import (
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// One browser, several logins: each is judged by itself, the latest comes first.
func TestContexts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		latest string
		change func(w *world)
		want   string
	}{
		{"latest customer", "customer", nil, "session cus_1, session driver_1, session user_1"},
		{"latest driver", "driver", nil, "session driver_1, session cus_1, session user_1"},
		{"latest user", "user", nil, "session user_1, session cus_1, session driver_1"},
		{"the latest is over", "", nil, "session cus_1, session driver_1, session user_1"},
		{
			"one revoked", "user", func(w *world) { w.valid["authid_u"] = start.Add(time.Hour) },
			"session cus_1, session driver_1, revoked",
		},
		{
			"one gone", "user", func(w *world) { delete(w.valid, "authid_c") },
			"session user_1, session driver_1, identity_gone",
		},
		{
			"two gone", "user", func(w *world) { delete(w.valid, "authid_c"); delete(w.valid, "authid_d") },
			"session user_1, identity_gone",
		},
		{"all gone", "user", func(w *world) { clear(w.valid) }, "nobody, identity_gone"},
		{"one unknown", "user", func(w *world) { w.failures["state authid_d"] = errDown }, "unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.session("s", w.claims("authid_c", "customer", "cus_1"), w.claims("authid_u", "user", "user_1"),
				w.claims("authid_d", "driver", "driver_1"))
			w.sessions["s"].Latest = test.latest
			if test.change != nil {
				test.change(w)
			}
			v := w.newVerifier(t, 0)
			for range 20 { // maps come in another order every time
				wantVerdict(t, v, request(t, "s", ""), test.want)
			}
		})
	}
}

// Two logins of which neither is the latest have an order, too.
func TestContextsOfTwo(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.session("s", w.claims("authid_c", "customer", "cus_1"), w.claims("authid_u", "user", "user_1"))
	w.sessions["s"].Latest = ""
	v := w.newVerifier(t, 0)
	for range 50 {
		wantVerdict(t, v, request(t, "s", ""), "session cus_1, session user_1")
	}
}

// A session has its own limits: the end of the token that it was made of does
// not matter. (attacks.md E8)
func TestSessionOutlivesItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld()
	c := w.claims("authid_1", "customer", "cus_1")
	c.ExpiresAt = c.IssuedAt + 4
	w.session("s", c)
	v := w.newVerifier(t, maxAge)
	w.forward(time.Hour)
	wantVerdict(t, v, request(t, "s", ""), "session cus_1")
}

// A session that ends while it is cached has ended.
func TestCachedSessionEnds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.session("s", w.claims("authid_1", "customer", "cus_1"))
	w.sessions["s"].Cookie.Expires = identity.Time{Time: start.Add(time.Second)}
	v := w.newVerifier(t, time.Minute)
	wantVerdict(t, v, request(t, "s", ""), "session cus_1")
	w.forward(time.Second - 1)
	wantVerdict(t, v, request(t, "s", ""), "session cus_1")
	if n := w.count("load s"); n != 1 {
		t.Errorf("loaded %d times before the end", n)
	}
	w.forward(1)
	prolonged := *w.sessions["s"] // by a request to another node
	prolonged.Cookie.Expires = identity.Time{Time: start.Add(time.Hour)}
	w.change(func() { w.sessions["s"] = &prolonged })
	wantVerdict(t, v, request(t, "s", ""), "session cus_1")
	if n := w.count("load s"); n != 2 {
		t.Errorf("loaded %d times after the end", n)
	}
	w.change(func() { delete(w.sessions, "s") })
	w.forward(time.Minute)
	wantVerdict(t, v, request(t, "s", ""), "nobody, session_unknown")
}
