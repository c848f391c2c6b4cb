package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	// queuePerWorker is the default length of the queue. With scrypt at 120 ms
	// on a slow core the last one waits 16 * 120 ms = 1.9 s.
	queuePerWorker = 16
	// maxWait bounds the wait where hashes are dearer than that (imported ones,
	// two Unicode forms): after two seconds people click again.
	maxWait = 2 * time.Second
)

var (
	errQueueFull = errors.New("queue of password hashes is full")
	errLongWait  = errors.New("no password hash was finished in time")
)

// Pool bounds how many hashes are computed and how many wait. It has no
// goroutines: work runs on that of the caller. Waiting is first come, first
// served, because channels queue their senders.
type Pool struct {
	admitted chan struct{} // one element per caller, working or waiting
	working  chan struct{} // one element per caller that works
}

// NewPool makes a Pool that computes at most workers hashes at once while at
// most queue callers wait, none for longer than two seconds. 0 means the
// default: GOMAXPROCS less one worker, at least one, so that other requests
// keep a core, and 16 waiting callers per worker.
func NewPool(workers, queue int) (*Pool, error) {
	workers = nonZero(workers, max(1, runtime.GOMAXPROCS(0)-1))
	queue = nonZero(queue, queuePerWorker*workers)
	if workers < 1 || workers > maxWorkers || queue < 1 || queue > maxQueue {
		return nil, fmt.Errorf("%d workers and a queue of %d are not within 1 to %d and 1 to %d",
			workers, queue, maxWorkers, maxQueue)
	}
	return &Pool{
		admitted: make(chan struct{}, workers+queue),
		working:  make(chan struct{}, workers),
	}, nil
}

// run calls work when there is a place. It fails with CodeUnavailable, without
// having called work, if the queue is full, no place was free within maxWait or
// the context ended.
func (p *Pool) run(ctx context.Context, work func() error) error {
	select {
	case p.admitted <- struct{}{}:
	default:
		return identity.Unavailable("hash_queue_full", errQueueFull)
	}
	defer func() { <-p.admitted }()
	if err := p.wait(ctx); err != nil {
		return err
	}
	defer func() { <-p.working }()
	if err := alive(ctx); err != nil {
		return err // select takes any case that is ready, also the place
	}
	return work()
}

// wait takes a place among the working.
func (p *Pool) wait(ctx context.Context) error {
	select {
	case p.working <- struct{}{}: // the usual case needs no timer
		return nil
	default:
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case p.working <- struct{}{}:
		return nil
	case <-ctx.Done():
		return alive(ctx)
	case <-timer.C:
		return identity.Unavailable("hash_wait_timeout", errLongWait)
	}
}

// alive fails if nobody waits for the answer any more.
func alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return identity.Unavailable("hash_wait_cancelled", err)
	}
	return nil
}
