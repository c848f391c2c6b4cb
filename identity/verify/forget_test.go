package verify_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// forget is how the verifier hears that an answer is not good any more.
func forget(v *verify.Verifier, question string) {
	if question == "load s" {
		v.ForgetSession("s")
		return
	}
	v.Forget("authid_1")
}

func TestForget(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, maxAge)
			r := request(t, kind.sid, kind.raw)
			wantVerdict(t, v, r, kind.good)
			w.change(func() { kind.gone(w) })
			forget(v, kind.question)
			wantVerdict(t, v, r, kind.goneSays)
		})
	}
}

// An answer that was given before the revocation and arrives after it is not
// kept: the requests that begin then get the new one. (attacks.md F5)
func TestForgetWhileAnAnswerIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPerson()
			v := w.newVerifier(t, time.Hour)
			answered, deliver := make(chan struct{}), make(chan struct{})
			var held atomic.Bool
			w.during = func(question string) {
				if question == kind.question && !held.Swap(true) {
					close(answered)
					<-deliver
				}
			}
			var late sync.WaitGroup
			late.Go(func() {
				// It began before, so the old answer is right for it.
				wantVerdict(t, v, request(t, kind.sid, kind.raw), kind.good)
			})
			<-answered
			w.change(func() { kind.gone(w) })
			forget(v, kind.question)
			wantVerdict(t, v, request(t, kind.sid, kind.raw), kind.goneSays)
			close(deliver)
			late.Wait()
			wantVerdict(t, v, request(t, kind.sid, kind.raw), kind.goneSays)
		})
	}
}

// Once Forget has returned nobody gets the old answer, while many ask.
func TestForgetUnderLoad(t *testing.T) {
	t.Parallel()
	w := newPerson()
	v := w.newVerifier(t, time.Hour)
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := v.Request(request(t, "s", "b")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	// The session is new after every change, as after a login.
	for n := range 300 {
		issued := start.Unix() + int64(n)
		w.change(func() {
			c := w.claims("authid_1", "customer", "cus_1")
			c.IssuedAt = issued
			w.valid["authid_1"] = time.Unix(issued, 0)
			w.sessions["s"] = recordOf(c)
		})
		v.Forget("authid_1")
		v.ForgetSession("s")
		result, err := v.Request(request(t, "s", ""))
		if err != nil || len(result.Callers) != 1 || result.Callers[0].Claims.IssuedAt != issued {
			t.Errorf("round %d: %v, refused %q, error %v", n, result.Callers, result.Refused, err)
			break
		}
	}
	close(stop)
	load.Wait()
}

// What is forgotten is that one and no other.
func TestForgetAnother(t *testing.T) {
	t.Parallel()
	w := newPerson()
	v := w.newVerifier(t, maxAge)
	r := request(t, "s", "b")
	for range 2 {
		wantVerdict(t, v, r, "session cus_1, bearer cus_1")
		v.Forget("authid_2")
		v.ForgetSession("s2")
	}
	if w.count("state authid_1") != 1 || w.count("load s") != 1 {
		t.Errorf("asked again: %v", w.asked)
	}
}
