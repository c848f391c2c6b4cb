//go:build unix

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// attempt is one request of a probe, with what its answer may be.
type attempt struct {
	call
	// answers are the statuses of the answer when nothing is wrong.
	answers []int
	// bad: the credential or the password is no good. Else 401 is false.
	bad bool
	// sets: such an answer sets a cookie, or deletes it. Others never do.
	sets bool
	// always: no fault of the store is noticed.
	always bool
	// warm: so it is unless the node was reconnected, and so may have missed that
	// somebody was revoked: then it asks again.
	warm bool
	// known: the node may have learnt the answer during an earlier fault.
	known bool
	// shows, if set, looks at the answer's body.
	shows func(e2e.Answer) error
	// settles, if set, looks after the fault is over and the store is asked again
	// whether what was acknowledged is so; what was not is tried again, and ends well.
	settles func(t testing.TB, acknowledged bool)
	// started, if set, looks then whether the session of an acknowledged answer is
	// there, whose cookie it gets.
	started func(t testing.TB, cookie string)
}

// fine is an attempt that succeeds.
func fine(c call, status int) attempt { return attempt{call: c, answers: []int{status}} }

// refused is an attempt with what is no good.
func refused(c call) attempt {
	return attempt{call: c, answers: []int{http.StatusUnauthorized}, bad: true}
}

// always is the attempt of which no fault is noticed.
func always(a attempt) attempt {
	a.always = true
	return a
}

// warm is the attempt of which none is noticed while the node is not reconnected.
func warm(a attempt) attempt {
	a.warm = true
	return a
}

// known is the attempt whose answer the node may have learnt during an earlier fault.
func known(a attempt) attempt {
	a.known = true
	return a
}

// over looks after the fault was lifted whether what was acknowledged is so, and
// whether everything works again.
func (a attempt) over(t testing.TB, node *e2e.Caddy, acknowledged e2e.Answer) {
	t.Helper()
	switch {
	case a.always || a.warm:
	case a.settles != nil:
		a.settles(t, acknowledged.Status != 0)
	default:
		if a.started != nil && acknowledged.Status != 0 {
			a.started(t, cookie(acknowledged))
			return
		}
		got := a.until(t, node.URL())
		if !slices.Contains(a.answers, got.Status) {
			t.Errorf("after the fault: %d %s", got.Status, got.Body)
		} else if a.started != nil {
			a.started(t, cookie(got))
		}
	}
}

// tally counts what was answered.
type tally struct {
	mu                                     sync.Mutex
	requests, answered, unknown            int
	false401, false200, cookies, hung, odd int
}

func (c *tally) count(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

// make sends the attempt to the node while the fault lasts, and returns what was
// answered as if there was none.
func (c *tally) make(t testing.TB, node *e2e.Caddy, name string, a attempt, f fault) (acknowledged e2e.Answer) {
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	c.count(&c.requests)
	got, err := a.send(ctx, node.URL())
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			c.count(&c.hung)
			t.Errorf("%s hangs", name)
		} else {
			c.count(&c.odd)
			t.Errorf("%s: %v", name, err)
		}
		return e2e.Answer{}
	}
	always := a.always || a.warm && (f.dead && !f.forgets || f.harmless)
	usual := slices.Contains(a.answers, got.Status)
	if got.Header["Set-Cookie"] != nil && !(usual && a.sets) {
		c.count(&c.cookies)
		t.Errorf("%s: %d sets %q", name, got.Status, got.Header["Set-Cookie"])
	}
	switch {
	case usual && f.dead && !a.always && !a.warm && !a.known:
		c.count(&c.odd)
		t.Errorf("%s: answered %d, and the store was not asked: %s", name, got.Status, got.Body)
	case usual:
		c.count(&c.answered)
		if a.sets && got.Header["Set-Cookie"] == nil {
			t.Errorf("%s: %d sets no cookie", name, got.Status)
		}
		if a.shows != nil {
			if err := a.shows(got); err != nil {
				c.count(&c.false200)
				t.Errorf("%s: %v", name, err)
			}
		}
		return got
	case got.Status == http.StatusServiceUnavailable && !always:
		c.count(&c.unknown)
		if got.Header.Get("Retry-After") == "" || got.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: 503 with %v", name, got.Header)
		}
	case got.Status == http.StatusUnauthorized && !a.bad:
		c.count(&c.false401)
		t.Errorf("%s: a false 401: %s", name, got.Body)
	case got.Status/100 == 2 && a.bad:
		c.count(&c.false200)
		t.Errorf("%s: a false %d: %s", name, got.Status, got.Body)
	default:
		c.count(&c.odd)
		t.Errorf("%s: answered %d %s, want %v", name, got.Status, got.Body, a.answers)
	}
	return e2e.Answer{}
}

// served is a look at who the backend saw.
func served(p person) func(e2e.Answer) error {
	return func(a e2e.Answer) error {
		var got seen
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
			return err
		}
		if want := (seen{p.identity, p.actor}); a.Header.Get("Echo") == "" || got != want {
			return errors.New("the backend saw " + a.Body)
		}
		return nil
	}
}
