package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Queue hands out the accepted reset requests. Each group gets every request;
// a group that is new begins with the oldest request that is still there, so
// what was accepted before its notifier existed is delivered too. Within a
// group a request belongs to one consumer for the length of a lease.
type Queue interface {
	// Take hands at most limit requests to deliver and does not wait for any:
	// first those whose lease or delay is over, then new ones. attempt counts
	// from 1. err says that the request cannot be read, now or later.
	Take(ctx context.Context, group, consumer string, limit int, lease time.Duration,
		deliver func(id string, attempt int, r identity.ResetRequest, err error)) error
	// Done ends the group's work on a request.
	Done(ctx context.Context, group, id string) error
	// PutBack makes a request due again after delay, which is at most the lease.
	// It does nothing when another consumer has taken the request meanwhile.
	PutBack(ctx context.Context, group, consumer, id string, lease, delay time.Duration) error
	// Sweep removes requests that every group is done with or that are older
	// than age, and the traces of consumers that are gone.
	Sweep(ctx context.Context, age time.Duration) error
}

// Named is a notifier with the name of its group in the queue. The name must
// stay the same over restarts: another name is another notifier, to which
// everything that is still queued is delivered.
//
// Notify must return soon after its context ended. An error that it returns may
// have a method RetryAfter() time.Duration; the next attempt is then not made
// earlier, within the limits of Config.Lease. A panic counts as an error.
type Named struct {
	Name string
	identity.Notifier
}

// Config is what a Dispatcher is made of. Queue, Issue and Logger are required.
type Config struct {
	Queue Queue
	// Issue makes the notification for a request, the same one every time, or
	// nil when nobody is to be told: identity.Service.IssueReset.
	Issue     func(ctx context.Context, r identity.ResetRequest) (*identity.Notification, error)
	Notifiers []Named
	Logger    *slog.Logger

	// ResetTTL is the life of a reset token, the same as the Service's. Requests
	// that are older are given up. Default: 15 minutes.
	ResetTTL time.Duration
	// Concurrency is how many requests a notifier works on at once. Default: 4.
	Concurrency int
	// AttemptTimeout ends an attempt. Default: 20 seconds.
	AttemptTimeout time.Duration
	// FirstRetry is the delay after the first failed attempt; it doubles with
	// every further one, up to Lease, less up to half of it by chance.
	// Default: 1 second.
	FirstRetry time.Duration
	// Lease is after what time a request goes to another process when the one
	// that took it is silent, and the longest delay between two attempts. It
	// must be at least twice AttemptTimeout. Default: 1 minute.
	Lease time.Duration
	// PollEvery is the pause after the queue had nothing to hand out. The queue
	// is asked again and again instead of waiting in it, since a blocked Redis
	// connection cannot be told that the process wants to end. Default: 250 ms.
	PollEvery time.Duration
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// sweepEvery is how often requests that are done with leave the queue.
const sweepEvery = 10 * time.Second

// Dispatcher delivers what is in the queue.
type Dispatcher struct{ Config }

// New checks the configuration and makes a Dispatcher.
func New(c Config) (*Dispatcher, error) {
	if c.Queue == nil || c.Issue == nil || c.Logger == nil {
		return nil, errors.New("notification dispatcher: a required part is missing")
	}
	setDefault(&c.ResetTTL, 15*time.Minute)
	setDefault(&c.Concurrency, 4)
	setDefault(&c.AttemptTimeout, 20*time.Second)
	setDefault(&c.FirstRetry, time.Second)
	setDefault(&c.Lease, time.Minute)
	setDefault(&c.PollEvery, 250*time.Millisecond)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if min(c.ResetTTL, c.AttemptTimeout, c.FirstRetry, c.PollEvery) < 0 || c.Concurrency < 0 {
		return nil, errors.New("notification dispatcher: durations and concurrency must not be negative")
	}
	if c.Lease < 2*c.AttemptTimeout {
		return nil, fmt.Errorf("notification dispatcher: a lease of %v is too short for attempts of up to %v", c.Lease, c.AttemptTimeout)
	}
	names := make(map[string]bool)
	for _, n := range c.Notifiers {
		if n.Name == "" || n.Notifier == nil {
			return nil, errors.New("notification dispatcher: a notifier needs a name")
		}
		if names[n.Name] {
			return nil, fmt.Errorf("notification dispatcher: notifier %q is configured twice", n.Name)
		}
		names[n.Name] = true
	}
	return &Dispatcher{c}, nil
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Run delivers until ctx ends and returns ctx's error. Work in progress is cut
// short: what was delivered by then is recorded, the rest is due at once for
// the next process. It waits for calls of the queue that are under way, so the
// queue must bound them. It survives outages of the queue. A Dispatcher may run
// several times, even at once.
func (d *Dispatcher) Run(ctx context.Context) error {
	consumer := consumerName()
	var loops sync.WaitGroup
	loops.Go(func() { d.sweep(ctx) })
	for _, n := range d.Notifiers {
		g := &group{
			Config: d.Config, name: n.Name, notifier: n.Notifier, consumer: consumer,
			log: d.Logger.With("notifier", n.Name), slots: make(chan struct{}, d.Concurrency),
		}
		loops.Go(func() { g.run(ctx) })
	}
	loops.Wait()
	return ctx.Err()
}

// sweep keeps the queue small.
func (d *Dispatcher) sweep(ctx context.Context) {
	state := outage{log: d.Logger, what: "sweeping the reset queue"}
	// An expired request is looked at once more, to report it, before it goes.
	age := d.ResetTTL + 2*d.Lease
	for sleep(ctx, sweepEvery) {
		state.observe(ctx, d.Queue.Sweep(ctx, age))
	}
}

// consumerName is unique to a run and tells an operator where it is.
func consumerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:10])
}

// outage reports the changes between working and not working, not every error.
type outage struct {
	log  *slog.Logger
	what string
	down bool
}

func (o *outage) observe(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil: // the end of the process is no outage
	case err != nil && !o.down:
		o.log.ErrorContext(ctx, o.what+" does not work; trying on", "reason", identity.ReasonOf(err), "error", err.Error())
		o.down = true
	case err == nil && o.down:
		o.log.InfoContext(ctx, o.what+" works again")
		o.down = false
	}
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
