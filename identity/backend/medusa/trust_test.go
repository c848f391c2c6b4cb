package medusa_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	taken   = `{"type":"unauthorized","message":"Invalid auth identity while refreshing token"}`
	refusal = `{"message":"Unauthorized"}`
)

// probed is a backend that holds every question back until the test answers it.
type probed struct {
	*medusa.Backend
	clock *identitytest.Clock
	asked chan chan string // the answers that are due, in the order of the questions
}

func newProbed(t *testing.T) *probed {
	p := &probed{clock: identitytest.NewClock(), asked: make(chan chan string, 16)}
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := make(chan string)
		p.asked <- answer
		select {
		case body := <-answer:
			write(w, http.StatusUnauthorized, body)
		case <-r.Context().Done():
		case <-ended:
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	p.Backend = newBackend(t, server.URL, func(c *medusa.Config) { c.Clock, c.Timeout = p.clock.Now, time.Minute })
	return p
}

// trusted asks beside the test.
func (p *probed) trusted(t *testing.T) chan error {
	answer := make(chan error, 1)
	go func() { answer <- p.Trusted(t.Context()) }()
	return answer
}

// settle asks, and lets the backend answer so.
func (p *probed) settle(t *testing.T, body string) error {
	answer := p.trusted(t)
	<-p.asked <- body
	return <-answer
}

// A yes that was on its way when the connection broke counts for those who were
// there before, as if it had broken behind them, and for nobody who comes later.
func TestDoubtOvertakesAQuestion(t *testing.T) {
	t.Parallel()
	p := newProbed(t)
	before := p.trusted(t)
	stale := <-p.asked
	p.Doubt()
	later := p.trusted(t) // does not wait for the stale one
	fresh := <-p.asked
	stale <- taken
	if err := <-before; err != nil {
		t.Errorf("who was there before the doubt got %v", err)
	}
	last := p.trusted(t)
	fresh <- refusal
	for _, answer := range []chan error{later, last} {
		if err := <-answer; identity.ReasonOf(err) != "backend_secret" {
			t.Errorf("got %v, want the refusal of the one that answers now", err)
		}
	}
}

// Whoever breaks a connection during every question keeps nobody waiting for
// more than one.
func TestDoubtDuringEveryQuestion(t *testing.T) {
	t.Parallel()
	ctx, give := context.WithCancel(t.Context())
	defer give()
	var (
		b         *medusa.Backend
		questions atomic.Int32
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.Doubt()
		if questions.Add(1) > 20 {
			give() // it would go on for ever
		}
		write(w, http.StatusUnauthorized, taken)
	}))
	t.Cleanup(server.Close)
	b = newBackend(t, server.URL, func(c *medusa.Config) { c.Timeout = time.Minute })
	for n := range int32(3) {
		if err := b.Trusted(ctx); err != nil || questions.Load() != n+1 {
			t.Fatalf("request %d: %v after %d questions", n+1, err, questions.Load())
		}
	}
}

// A stale answer that comes last takes the place of no newer one.
func TestStaleAnswerComesLast(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ stale, fresh, reason string }{
		"refusal": {refusal, taken, ""},
		"yes":     {taken, refusal, "backend_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProbed(t)
			waiting := p.trusted(t)
			stale := <-p.asked
			p.Doubt()
			p.clock.Forward(time.Millisecond)
			_ = p.settle(t, test.fresh)
			stale <- test.stale
			if err := <-waiting; (err == nil) != (test.stale == taken) {
				t.Errorf("who waited got %v", err)
			}
			if err := p.Trusted(t.Context()); (err == nil) != (test.reason == "") {
				t.Errorf("got %v, want %q", err, test.reason)
			}
		})
	}
}

// A refusal is not asked for again at every broken connection, and a doubted yes
// does not excuse a slow answer: it may be another backend that is slow.
func TestDoubt(t *testing.T) {
	t.Parallel()
	p := newProbed(t)
	if err := p.settle(t, refusal); err == nil {
		t.Fatal("trusted")
	}
	p.Doubt()
	if err := p.Trusted(t.Context()); identity.ReasonOf(err) != "backend_secret" || len(p.asked) != 0 {
		t.Errorf("got %v and %d questions", err, len(p.asked))
	}

	m := identitytest.NewMedusa(t, secret)
	b := newBackend(t, m.Server.URL, func(c *medusa.Config) { c.Timeout = 100 * time.Millisecond })
	if err := b.Trusted(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Fault("", identitytest.MedusaHangs)
	b.Doubt()
	if err := b.Trusted(t.Context()); identity.ReasonOf(err) != "backend_timeout" {
		t.Errorf("a slow backend after a broken connection: %v", err)
	}
}
