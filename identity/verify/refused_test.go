package verify_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// revoke ends what was issued to the identity until so many seconds after the start.
func (w *world) revoke(id string, seconds int64) {
	w.change(func() { w.valid[id] = time.Unix(start.Unix()+seconds, 0) })
}

// renew writes the session anew, with the identity's claims issued so many seconds
// after the start.
func (w *world) renew(id string, seconds int64) {
	w.change(func() {
		was := w.sessions["s"]
		record := *was
		record.Contexts = map[string]identity.Claims{}
		for actorType, c := range was.Contexts {
			if c.IdentityID == id {
				c.IssuedAt = start.Unix() + seconds
			}
			record.Contexts[actorType] = c
		}
		w.sessions["s"] = &record
	})
}

// A session of which somebody was revoked is read once more, and believed then for
// as long as any other: whoever presents it again and again costs nothing.
func TestRefusedSessionIsBelieved(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		revoked []string
		want    string
	}{
		"wholly":      {[]string{"authid_c", "authid_u"}, "nobody, revoked"},
		"the first":   {[]string{"authid_u"}, "session cus_1, revoked"},
		"the second":  {[]string{"authid_c"}, "session user_1, revoked"},
		"and another": {[]string{"authid_c", "authid_other"}, "session user_1, revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.session("s", w.claims("authid_c", "customer", "cus_1"), w.claims("authid_u", "user", "user_1"))
			w.sessions["s"].Latest = "user"
			v := w.newVerifier(t, maxAge)
			r := request(t, "s", "")
			wantVerdict(t, v, r, "session user_1, session cus_1")
			for n, id := range test.revoked { // one after the other, with requests in between
				w.revoke(id, int64(n)+1)
				v.Forget(id)
				for range 2 {
					verdict(t, v, r)
				}
			}
			asked := func() int { return w.count("load s") + w.count("state authid_c") + w.count("state authid_u") }
			before := asked()
			for range 20 {
				wantVerdict(t, v, r, test.want)
			}
			w.forward(maxAge - 1)
			wantVerdict(t, v, r, test.want)
			if n := asked(); n != before {
				t.Errorf("asked %d times more within the age", n-before)
			}
			w.forward(1)
			for range 20 {
				wantVerdict(t, v, r, test.want)
			}
			// The session, the two people, and the session once more.
			if n := asked(); n != before+4 {
				t.Errorf("asked %d times after the age", n-before)
			}
			w.change(func() { w.failures["load s"] = errDown })
			wantVerdict(t, v, r, test.want)
			w.forward(maxAge)
			wantVerdict(t, v, r, "unknown")
		})
	}
}

// What was refused counts again as soon as the store says so and this process knows
// that it may: it was told, or the age is over.
func TestRefusedSessionIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, learn := range map[string]func(w *world, v *verify.Verifier){
		"told of the session": func(_ *world, v *verify.Verifier) { v.ForgetSession("s") },
		"told of something":   func(_ *world, v *verify.Verifier) { v.ForgetAll() },
		"by age":              func(w *world, _ *verify.Verifier) { w.forward(maxAge) },
		"another revocation":  func(w *world, v *verify.Verifier) { w.revoke("authid_1", 2); v.Forget("authid_1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, maxAge)
			r := request(t, "s", "")
			w.revoke("authid_1", 1)
			wantVerdict(t, v, r, "nobody, revoked")
			w.renew("authid_1", 2)
			wantVerdict(t, v, r, "nobody, revoked")
			learn(w, v)
			for range 2 {
				wantVerdict(t, v, r, "session cus_1")
			}
		})
	}
}

// Of two people, one who was revoked takes nothing from the other who keeps the
// session when all others of theirs end, at another node of which nothing is heard.
func TestRefusedBesideWhoKeepsIt(t *testing.T) {
	t.Parallel()
	for name, learn := range map[string]func(w *world, v *verify.Verifier){
		"told of the identity": func(_ *world, v *verify.Verifier) { v.Forget("authid_u") },
		"by age":               func(w *world, _ *verify.Verifier) { w.forward(maxAge) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.session("s", w.claims("authid_c", "customer", "cus_1"), w.claims("authid_u", "user", "user_1"))
			w.sessions["s"].Latest = "user"
			v := w.newVerifier(t, maxAge)
			r := request(t, "s", "")
			w.revoke("authid_c", 1)
			for range 2 {
				wantVerdict(t, v, r, "session user_1, revoked")
			}
			w.renew("authid_u", 2)
			w.revoke("authid_u", 2)
			learn(w, v)
			for range 2 {
				wantVerdict(t, v, r, "session user_1, revoked")
			}
		})
	}
}

// A revocation of which the store tells after the session was read is none that the
// session was read after: what is kept beside it counts at the next request.
func TestRefusalThatIsOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.session("s", w.claims("authid_1", "customer", "cus_1"))
	v := w.newVerifier(t, time.Hour)
	r := request(t, "s", "")
	wantVerdict(t, v, r, "session cus_1")
	w.revoke("authid_1", 1)
	v.Forget("authid_1")
	var overtaken atomic.Bool
	w.change(func() {
		w.during = func(question string) {
			if question == "load s" && !overtaken.Swap(true) { // it was read, for the second time
				w.renew("authid_1", 2)
				w.revoke("authid_1", 2)
				v.Forget("authid_1")
			}
		}
	})
	wantVerdict(t, v, r, "nobody, revoked")
	wantVerdict(t, v, r, "session cus_1")
	if !overtaken.Load() {
		t.Error("it was not read again")
	}
}

// One person of a session who is gone keeps nobody from reading what the other kept.
func TestRevokedBesideWhoIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.session("s", w.claims("authid_c", "customer", "cus_1"), w.claims("authid_u", "user", "user_1"))
	w.sessions["s"].Latest = "customer"
	v := w.newVerifier(t, maxAge)
	r := request(t, "s", "")
	wantVerdict(t, v, r, "session cus_1, session user_1")
	w.renew("authid_c", 1)
	w.revoke("authid_c", 1)
	w.change(func() { delete(w.valid, "authid_u") })
	v.Forget("authid_c")
	v.Forget("authid_u")
	wantVerdict(t, v, r, "session cus_1, identity_gone")
}
