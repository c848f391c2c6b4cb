package caddymodule

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

const (
	// streamEvery is how often a stream's caller is asked about when the store is
	// asked at every request.
	streamEvery = time.Second
	// streamRetry is how often at least while it is not known.
	streamRetry = time.Second
)

// follower looks after the streams that begin under one configuration of a realm,
// also when that is not the current one any more. They end when their caller is
// proven no more.
type follower struct {
	still func(ctx context.Context, c *verify.Caller, sid string) error
	age   time.Duration // how long what the store says is believed
	// using counts the requests that may become one at the connection that still needs.
	using  *atomic.Int64
	logger *zap.Logger
}

// every is how often a stream's caller is asked about: so that the answer that he
// is revoked is there before the age has passed.
func (f *follower) every() time.Duration {
	if f.age == 0 {
		return streamEvery
	}
	return max(f.age-f.age/5, time.Millisecond)
}

// openStream is a running answer that may last.
type openStream struct {
	of     *follower
	caller *verify.Caller
	sid    string // of the session that proved the caller, or ""
	cut    func() // ends the answer

	mu       sync.Mutex
	timer    *time.Timer
	checking bool
	again    bool // something happened while it was checked
	closed   bool
}

// begin looks after a stream of a caller who is believed until then. cut is called
// at most once, and not after end.
func (f *follower) begin(c *verify.Caller, sid string, until time.Time, cut func()) *openStream {
	s := &openStream{of: f, caller: c, cut: cut}
	if c.Method == verify.Session {
		s.sid = sid
	}
	first := min(time.Until(until)-f.age/10, f.every())
	s.mu.Lock() // a check needs the timer, and may come as soon as it is known
	defer s.mu.Unlock()
	running.add(s)
	s.timer = time.AfterFunc(max(first, 0), s.check)
	return s
}

// end ends the looking after.
func (s *openStream) end() {
	running.remove(s)
	s.mu.Lock()
	s.closed = true
	s.timer.Stop()
	s.mu.Unlock()
}

// check asks about the caller, and ends the stream if he is proven no more. While
// that is not known the stream goes on.
func (s *openStream) check() {
	s.mu.Lock()
	if s.closed || s.checking {
		s.again = s.checking
		s.mu.Unlock()
		return
	}
	s.checking = true
	s.mu.Unlock()
	for {
		err := s.of.still(context.Background(), s.caller, s.sid) // the store bounds the time
		if s.settled(err) {
			return
		}
	}
}

// settled takes the answer to a check, and reports whether no other one is due now.
func (s *openStream) settled(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return true
	case verify.IsNo(err):
		s.closed = true
		s.of.logger.Info("stream closed, its caller is proven no more", zap.String("reason", "stream_"+streamReason(err)),
			zap.String("auth_identity_id", s.caller.Claims.IdentityID), zap.String("actor_type", s.caller.Claims.ActorType))
		s.cut()
		return true
	case s.again:
		s.again = false
		return false
	}
	next := s.of.every()
	if err != nil {
		next = min(next, streamRetry)
	}
	s.checking = false
	s.timer.Reset(next)
	return true
}

func streamReason(err error) string {
	if identity.CodeOf(err) == identity.CodeUnauthorized {
		return identity.ReasonOf(err)
	}
	return "session_unknown"
}

// announced reports whether the request says that its answer is to last, so that
// it gets a context by which both ends are closed.
func announced(r *http.Request) bool {
	if _, upgrade := r.Header["Upgrade"]; upgrade || r.Method == http.MethodConnect { // the latter by HTTP/2 and 3
		return true
	}
	for _, accept := range r.Header["Accept"] {
		if strings.Contains(accept, eventStream) {
			return true
		}
	}
	return false
}

const eventStream = "text/event-stream"
