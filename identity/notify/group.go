package notify

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// settleTimeout bounds one try to tell the queue how an attempt ended, and so
// how long the end of the process waits for that.
const settleTimeout = 2 * time.Second

// group delivers the requests to one notifier.
type group struct {
	Config
	name     string
	notifier identity.Notifier
	consumer string
	log      *slog.Logger
	slots    chan struct{} // holds one element for each request in work
}

// request is a reset request in the hands of a group.
type request struct {
	identity.ResetRequest
	entry   string // its id in the queue
	attempt int
	leased  time.Time // until then it is ours
}

func (g *group) run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	state := outage{log: g.log, what: "the reset queue"}
	failures := 0
	for {
		free := g.reserve(ctx)
		if free == 0 {
			return
		}
		taken, leased := 0, time.Now().Add(g.Lease)
		err := g.Queue.Take(ctx, g.name, g.consumer, free, g.Lease,
			func(id string, attempt int, r identity.ResetRequest, err error) {
				taken++
				work.Go(func() {
					g.handle(ctx, request{r, id, attempt, leased}, err)
					g.release(1)
				})
			})
		g.release(free - taken)
		state.observe(ctx, err)
		pause := g.PollEvery
		switch {
		case err != nil:
			failures++
			pause = backOff(failures, g.PollEvery, outagePause)
		case taken == free: // there may be more
			failures, pause = 0, 0
		default:
			failures = 0
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// reserve waits for a free slot and takes all that are free. It returns 0 when
// ctx ended.
func (g *group) reserve(ctx context.Context) int {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for n := 1; ; n++ {
		select {
		case g.slots <- struct{}{}:
		default:
			return n
		}
	}
}

func (g *group) release(n int) {
	for range n {
		<-g.slots
	}
}

// handle makes one attempt and tells the queue how it ended. unreadable says
// why there is no request to handle.
func (g *group) handle(ctx context.Context, r request, unreadable error) {
	log := g.log.With("request_id", r.ID, "attempt", r.attempt)
	done := func(ctx context.Context) error { return g.Queue.Done(ctx, g.name, r.entry) }
	switch {
	case unreadable != nil:
		log.ErrorContext(ctx, "password reset given up", "reason", "request_unreadable",
			"entry", r.entry, "error", unreadable.Error())
		g.settle(ctx, log, r, done)
		return
	case !g.Clock().Before(r.AskedAt.Add(g.ResetTTL)):
		log.ErrorContext(ctx, "password reset given up", "reason", "notification_expired")
		g.settle(ctx, log, r, done)
		return
	}
	err := g.try(ctx, r.ResetRequest)
	if err == nil {
		if r.attempt > 1 {
			log.InfoContext(ctx, "password reset handled after earlier attempts")
		}
		g.settle(ctx, log, r, done)
		return
	}
	delay := g.retryDelay(r.attempt, err)
	if ctx.Err() != nil {
		delay = 0 // this process ends, another may go on at once
	} else {
		level := slog.LevelDebug // one line a request is enough
		if r.attempt == 1 {
			level = slog.LevelWarn
		}
		log.Log(ctx, level, "password reset not delivered yet", "reason", identity.ReasonOf(err),
			"error", err.Error(), "retry_in", delay)
	}
	g.settle(ctx, log, r, func(ctx context.Context) error {
		return g.Queue.PutBack(ctx, g.name, g.consumer, r.entry, g.Lease, delay)
	})
}

// try issues the notification and hands it to the notifier.
func (g *group) try(ctx context.Context, r identity.ResetRequest) (err error) {
	ctx, cancel := context.WithTimeout(ctx, g.AttemptTimeout)
	defer cancel()
	var n *identity.Notification
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
			g.log.ErrorContext(ctx, "notifier panicked", "request_id", r.ID, "stack", string(debug.Stack()))
		}
		err = scrub(err, n)
	}()
	n, err = g.Issue(ctx, r)
	if err != nil {
		return fmt.Errorf("issuing a password reset: %w", err)
	}
	if n == nil { // nobody is to be told
		return nil
	}
	return g.notifier.Notify(ctx, *n)
}

// settle tells the queue how an attempt ended, again and again through an
// outage: otherwise a notification that was delivered would be so once more.
// When the process ends before it worked, or the lease is over, the request
// goes to whoever asks for it next.
func (g *group) settle(ctx context.Context, log *slog.Logger, r request, tell func(context.Context) error) {
	for failures := 0; ; {
		// Not ctx itself: its end is what a result has to be saved from.
		c, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		err := tell(c)
		cancel()
		if err == nil {
			return
		}
		failures++
		if !time.Now().Before(r.leased) || !sleep(ctx, backOff(failures, g.PollEvery, outagePause)) {
			log.WarnContext(ctx, "the result of an attempt could not be saved; it will be repeated",
				"reason", identity.ReasonOf(err), "error", err.Error())
			return
		}
	}
}
