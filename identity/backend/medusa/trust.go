package medusa

import (
	"context"
	"net/http"
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

// trust is what is known of whether the backend takes our tokens.
type trust struct {
	verdict atomic.Pointer[verdict] // stored under mu

	mu     sync.Mutex
	doubts uint64 // counts the calls of doubt
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

// prober asks the backend.
type prober interface {
	now() time.Time
	// probe returns nil if our tokens are taken. It takes a limited time.
	probe() error
}

// Trusted returns nil while the backend takes our tokens for its own, else why
// not, with CodeUnavailable. A backend with another secret would serve every
// request as anonymous, so each that carries a token is to be asked about here.
func (b *Backend) Trusted(ctx context.Context) error { return b.trust.trusted(ctx, b) }

// Doubt makes the next Trusted ask again: a connection to the backend broke, it
// may come back with another secret. A yes to an earlier question counts no more
// for those who come later. A refusal stands for its time; doubting it would only
// multiply the questions.
func (b *Backend) Doubt() { b.trust.doubt() }

func (b *Backend) now() time.Time { return b.Clock() }

// probe asks for an identity that does not exist: the backend says so only to
// somebody whose token it takes.
func (b *Backend) probe() error {
	ctx, cancel := context.WithTimeout(context.Background(), b.Timeout) // it is for everybody who waits
	defer cancel()
	r, err := b.refresh(ctx, identity.Claims{
		ActorType: shadowActor, IdentityID: "authid_sidecar_probe", Provider: identity.EmailPass,
	})
	if err == nil && (r.Type == "" || r.status != http.StatusUnauthorized && r.status != http.StatusNotFound) {
		err = unexpected("asking whether our tokens are taken", r)
	}
	return err
}

// trusted waits for one question at most, and for the pause before it.
func (t *trust) trusted(ctx context.Context, p prober) error {
	counts, fresh, err := t.known(p.now())
	if fresh {
		return err
	}
	q := t.question(p)
	if counts {
		return err // nobody waits for the answer
	}
	select {
	case <-q.answered:
		return q.err
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

func (t *trust) doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubts++
	if v := t.verdict.Load(); v != nil && v.err == nil {
		t.verdict.Store(&verdict{asked: v.asked, doubted: true})
	}
}

// known returns the verdict, whether it counts, and whether it need not be asked
// for anew.
func (t *trust) known(now time.Time) (counts, fresh bool, err error) {
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
func (t *trust) question(p prober) *question {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked != nil && t.asked.doubts == t.doubts {
		return t.asked
	}
	if t.due != nil {
		return t.due
	}
	q := &question{answered: make(chan struct{})}
	if _, fresh, err := t.known(p.now()); fresh { // answered a moment ago
		q.err = err
		close(q.answered)
		return q
	}
	t.due = q
	if pause := trustPace - time.Since(t.began); pause > 0 {
		time.AfterFunc(pause, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.begin(q, p)
		})
	} else {
		t.begin(q, p)
	}
	return q
}

// begin asks the question that is due. The caller holds mu.
func (t *trust) begin(q *question, p prober) {
	t.due, t.asked, t.began = nil, q, time.Now()
	q.doubts = t.doubts
	go func() {
		asked := p.now()
		t.settle(q, asked, p.probe())
	}()
}

// settle keeps the answer to a question that was asked then, and tells those who
// wait what it comes to.
func (t *trust) settle(q *question, asked time.Time, err error) {
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
