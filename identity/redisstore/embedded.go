package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
)

// tick is how often time passes in an embedded server. What has a time to live
// may go that much early or late.
const tick = 100 * time.Millisecond

// Embedded is a Redis server in this process, for trying things out: what is in
// it is gone when it is closed. It listens nowhere.
type Embedded struct {
	redis  *miniredis.Miniredis
	server *server.Server
	client *redis.Client

	stop  context.CancelFunc
	clock sync.WaitGroup

	mu     sync.Mutex // keeps connections from being made while the server ends
	closed bool
}

// NewEmbedded starts a server. Close must be called.
func NewEmbedded() (*Embedded, error) {
	e := &Embedded{redis: miniredis.NewMiniRedis()}
	first, err := e.redis.Dial() // a server that has no listener starts with its first connection
	if err != nil {
		return nil, fmt.Errorf("starting the embedded redis: %w", err)
	}
	if err := first.Close(); err != nil {
		return nil, fmt.Errorf("starting the embedded redis: %w", err)
	}
	e.server = e.redis.Server()
	options := &redis.Options{Addr: "embedded", Dialer: e.dial}
	setDefaults(options, maxTimeout) // it cannot be far away, only as busy as this process
	e.client = redis.NewClient(options)

	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.clock.Go(func() { e.run(ctx) })
	return e, nil
}

// Client returns the client of the server. It ends with the server.
func (e *Embedded) Client() redis.UniversalClient { return e.client }

// Close ends the client and the server. Calling it again does nothing.
func (e *Embedded) Close() error {
	e.stop()
	e.clock.Wait()
	err := e.client.Close()
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.redis.Close()
	if errors.Is(err, redis.ErrClosed) {
		return nil
	}
	return err
}

// run lets time pass: the server's own clock moves only when it is told to, or
// at every command, at the cost of looking at all keys.
func (e *Embedded) run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			e.redis.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (e *Embedded) dial(context.Context, string, string) (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed { // the client may still have been about to connect
		return nil, net.ErrClosed
	}
	near, far := net.Pipe()
	e.server.ServeConn(newEagerConn(far))
	return near, nil
}
