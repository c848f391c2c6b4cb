package upstream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	// trustFresh is how long it is believed that the backend takes our tokens
	// without asking again, and trustLongest with asking beside the request.
	trustFresh   = 5 * time.Second
	trustLongest = 15 * time.Second
	// trustRefused is the pause between two questions after another answer.
	trustRefused = time.Second
	// trustPace is the least time from the beginning of one question to that of
	// the next: connections may be broken by strangers, as often as they like.
	trustPace = 200 * time.Millisecond
)

// Trust is what is known of whether the backend takes our tokens. It is safe for
// concurrent use.
type Trust struct {
	probe   func(ctx context.Context) error
	timeout time.Duration
	clock   func() time.Time

	verdict atomic.Pointer[verdict] // stored under mu

	mu     sync.Mutex
	doubts uint64 // counts the calls of Doubt
	// asked is the latest question under way, due the one that waits for its time.
	asked, due *question
	began      time.Time // the latest question, by the machine's clock
}

type verdict struct {
	asked time.Time
	err   error
	// doubted: it was good until a connection broke, and is to be asked for anew.
	doubted bool
}

// question is one to the backend, for everybody who waits for its answer.
type question struct {
	doubts   uint64 // before it began
	answered chan struct{}
	err      error // once answered
}

// NewTrust makes a Trust. probe returns nil if the backend takes our tokens; it is
// given timeout at most.
func NewTrust(timeout time.Duration, clock func() time.Time, probe func(ctx context.Context) error) *Trust {
	return &Trust{probe: probe, timeout: timeout, clock: clock}
}

// Trusted returns nil while the backend takes our tokens for its own, else why
// not, with CodeUnavailable. A backend with another secret would serve every
// request as anonymous, so each that carries a token is to be asked about here. It
// waits for one question at most, and for the pause before it.
func (t *Trust) Trusted(ctx context.Context) error {
	counts, fresh, err := t.known(t.clock())
	if fresh {
		return err
	}
	q := t.question()
	if counts {
		return err // nobody waits for the answer
	}
	select {
	case <-q.answered:
		return q.err
	case <-ctx.Done():
		return Unavailable(ctx.Err())
	}
}

// Doubt makes the next Trusted ask again: a connection to the backend broke, it
// may come back with another secret. A yes to an earlier question counts no more
// for those who come later. A refusal stands for its time; doubting it would only
// multiply the questions.
func (t *Trust) Doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubts++
	if v := t.verdict.Load(); v != nil && v.err == nil {
		t.verdict.Store(&verdict{asked: v.asked, doubted: true})
	}
}

// known returns the verdict, whether it counts, and whether it need not be asked
// for anew.
func (t *Trust) known(now time.Time) (counts, fresh bool, err error) {
	v := t.verdict.Load()
	if v == nil || v.doubted {
		return false, false, nil
	}
	age := now.Sub(v.asked)
	if age < 0 {
		return false, false, nil
	}
	if v.err != nil {
		return age < trustRefused, age < trustRefused, v.err
	}
	return age < trustLongest, age < trustFresh, nil
}

// question returns one whose answer counts for who comes now: it began after the
// latest doubt, or is yet to begin. Doubts that come later are for those who come
// later, else a flood of them would keep everybody waiting for ever.
func (t *Trust) question() *question {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked != nil && t.asked.doubts == t.doubts {
		return t.asked
	}
	if t.due != nil {
		return t.due
	}
	q := &question{answered: make(chan struct{})}
	if _, fresh, err := t.known(t.clock()); fresh { // answered a moment ago
		q.err = err
		close(q.answered)
		return q
	}
	t.due = q
	if pause := trustPace - time.Since(t.began); pause > 0 {
		time.AfterFunc(pause, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.begin(q)
		})
	} else {
		t.begin(q)
	}
	return q
}

// begin asks the question that is due. The caller holds mu.
func (t *Trust) begin(q *question) {
	t.due, t.asked, t.began = nil, q, time.Now()
	q.doubts = t.doubts
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), t.timeout) // it is for everybody who waits
		defer cancel()
		asked := t.clock()
		t.settle(q, asked, t.probe(ctx))
	}()
}

// settle keeps the answer to a question that was asked then, and tells those who
// wait what it comes to.
func (t *Trust) settle(q *question, asked time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.verdict.Load()
	if err != nil && identity.ReasonOf(err) == "backend_timeout" && v != nil && v.err == nil && !v.doubted {
		err = nil // it is the one that took them, and slow
	}
	if t.doubts == q.doubts || err != nil && (v == nil || !v.asked.After(asked)) {
		t.verdict.Store(&verdict{asked: asked, err: err})
	}
	if t.asked == q {
		t.asked = nil
	}
	q.err = err
	close(q.answered)
}
