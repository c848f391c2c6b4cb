package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const maxAge = 5 * time.Second

// Both kinds of credential of one person. The question is the one that is asked
// again when a cached answer is too old.
var kinds = map[string]struct {
	sid, raw string
	good     string
	question string
	gone     func(w *world)
	goneSays string
}{
	"bearer": {
		raw: "b", good: "bearer cus_1", question: "state authid_1",
		gone: func(w *world) { delete(w.valid, "authid_1") }, goneSays: "nobody, identity_gone",
	},
	"session": {
		sid: "s", good: "session cus_1", question: "load s",
		gone: func(w *world) { delete(w.sessions, "s") }, goneSays: "nobody, session_unknown",
	},
	"identity of a session": {
		sid: "s", good: "session cus_1", question: "state authid_1",
		gone: func(w *world) { delete(w.valid, "authid_1") }, goneSays: "nobody, identity_gone",
	},
}

func newPerson() *world {
	w := newWorld()
	w.login("b", "authid_1", "customer", "cus_1")
	w.session("s", w.claims("authid_1", "customer", "cus_1"))
	return w
}

// An answer is believed up to the maximal age and not a moment longer.
// (design.md section 9; attacks.md F5)
func TestMaxAge(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, maxAge)
			r := request(t, kind.sid, kind.raw)
			wantVerdict(t, v, r, kind.good)
			w.change(func() { kind.gone(w) })
			w.forward(maxAge - 1)
			wantVerdict(t, v, r, kind.good)
			if n := w.count(kind.question); n != 1 {
				t.Errorf("asked %d times within the age", n)
			}
			w.forward(1)
			wantVerdict(t, v, r, kind.goneSays)
		})
	}
}

// The age counts from before the question, for the answer may be that old.
func TestAgeOfASlowAnswer(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, maxAge)
			r := request(t, kind.sid, kind.raw)
			w.during = func(question string) {
				if question == kind.question {
					w.forward(maxAge - 1)
				}
			}
			wantVerdict(t, v, r, kind.good)
			w.change(func() { w.during = nil; kind.gone(w) })
			wantVerdict(t, v, r, kind.good)
			w.forward(1)
			wantVerdict(t, v, r, kind.goneSays)
		})
	}
}

// A store that fails does not stretch the age: what is too old is unknown.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, maxAge)
			r := request(t, kind.sid, kind.raw)
			wantVerdict(t, v, r, kind.good)
			w.change(func() { w.failures[kind.question] = errDown })
			w.forward(maxAge - 1)
			wantVerdict(t, v, r, kind.good)
			w.forward(1)
			for range 2 {
				wantVerdict(t, v, r, "unknown")
			}
			w.change(func() { delete(w.failures, kind.question) })
			wantVerdict(t, v, r, kind.good)
		})
	}
}

// A clock that is set back makes nothing last longer.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, maxAge)
			r := request(t, kind.sid, kind.raw)
			wantVerdict(t, v, r, kind.good)
			w.change(func() { kind.gone(w) })
			w.forward(-1)
			wantVerdict(t, v, r, kind.goneSays)
		})
	}
}

// A no is never remembered: what becomes good is good at once. (attacks.md F5)
func TestNegativeAnswers(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, maxAge)
			r := request(t, kind.sid, kind.raw)
			kind.gone(w)
			for range 2 {
				wantVerdict(t, v, r, kind.goneSays)
			}
			if n := w.count(kind.question); n != 2 {
				t.Errorf("asked %d times, want 2", n)
			}
			again := newPerson()
			w.change(func() { w.valid, w.sessions = again.valid, again.sessions })
			wantVerdict(t, v, r, kind.good)
		})
	}
}

// With age zero every request asks.
func TestStrict(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, 0)
			r := request(t, kind.sid, kind.raw)
			for n := range 3 {
				wantVerdict(t, v, r, kind.good)
				if got := w.count(kind.question); got != n+1 {
					t.Errorf("asked %d times after %d requests", got, n+1)
				}
			}
			w.change(func() { kind.gone(w) })
			wantVerdict(t, v, r, kind.goneSays)
		})
	}
}

// Every session and token of a person shares one answer about the person.
func TestOneAnswerPerIdentity(t *testing.T) {
	t.Parallel()
	w := newPerson()
	w.login("b2", "authid_1", "user", "user_1")
	v := w.newVerifier(t, maxAge)
	wantVerdict(t, v, request(t, "s", "b"), "session cus_1, bearer cus_1")
	wantVerdict(t, v, request(t, "", "b2"), "bearer user_1")
	if n := w.count("state authid_1"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	w.change(func() { w.valid["authid_1"] = start.Add(time.Second).Truncate(time.Second) })
	v.Forget("authid_1")
	for _, r := range [][2]string{{"s", ""}, {"", "b"}, {"", "b2"}} {
		wantVerdict(t, v, request(t, r[0], r[1]), "nobody, revoked")
	}
}

// An answer about one identity is none about another, however alike their ids.
// (attacks.md F6)
func TestAnswersAreKeptApart(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ids := []string{"authid_1", "authid_10", "authid_1 ", "AUTHID_1", "authid_1\x00", "s", "authid_"}
	for n, id := range ids {
		w.login(fmt.Sprintf("b%d", n), id, "customer", "cus "+id)
		w.session("s"+id, w.claims(id, "customer", "cus "+id))
	}
	w.valid["authid_10"] = start.Add(time.Hour)
	v := w.newVerifier(t, maxAge)
	for range 2 {
		for n, id := range ids {
			wantSession, wantBearer := "session cus "+id, "bearer cus "+id
			if id == "authid_10" {
				wantSession, wantBearer = "nobody, revoked", "nobody, revoked"
			}
			wantVerdict(t, v, request(t, "s"+id, ""), wantSession)
			wantVerdict(t, v, request(t, "", fmt.Sprintf("b%d", n)), wantBearer)
		}
	}
}

// The error of a store keeps its reason and its cause, for the log.
func TestUnknownNamesItsCause(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		w := newPerson()
		w.failures[kind.question] = errDown
		_, err := w.newVerifier(t, maxAge).Request(request(t, kind.sid, kind.raw))
		if got := identity.ReasonOf(err); got != "store_refused" {
			t.Errorf("%s: reason %q", kind.question, got)
		}
	}
}
