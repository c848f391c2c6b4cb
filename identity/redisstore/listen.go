package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// listenQuiet is how long nothing may come before the server is asked whether
	// it is there still.
	listenQuiet = 2 * time.Second
	// listenFirst and listenLongest bound the wait before another attempt.
	listenFirst   = 100 * time.Millisecond
	listenLongest = 5 * time.Second
)

// Listener hears of revocations. Its functions are called one after the other and
// must not block.
type Listener struct {
	// Heard is told of each.
	Heard func(Revocation)
	// Joined is called when none is missed from now on. Some may have been before:
	// what is cached is worth nothing.
	Joined func()
	// Left is called when some may be missed from now on, and why.
	Left func(err error)
}

// errSilent says that the server does not answer, though the connection stands.
var errSilent = errors.New("the server is silent")

// Listen listens to the announcements of all nodes until ctx ends, also over the
// failures of the server.
func (s *Store) Listen(ctx context.Context, l Listener) {
	for wait := listenFirst; ; wait = min(2*wait, listenLongest) {
		joined, err := s.listen(ctx, l)
		if ctx.Err() != nil {
			return
		}
		l.Left(classify("listening to revocations", err))
		if joined {
			wait = listenFirst
		}
		select { // not all nodes at once
		case <-ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
	}
}

// listen listens on one connection until that fails, which it reports.
func (s *Store) listen(ctx context.Context, l Listener) (joined bool, err error) {
	sub := s.client.Subscribe(ctx, s.keys.channel())
	end := context.AfterFunc(ctx, func() { _ = sub.Close() }) // what is read is not waited for
	defer func() {
		if end() {
			_ = sub.Close()
		}
	}()
	asked := false
	for {
		wait := listenQuiet
		if asked || !joined {
			wait = s.timeout
		}
		message, err := sub.ReceiveTimeout(ctx, wait)
		switch m := message.(type) {
		case *redis.Subscription:
			// Also when the client has connected anew by itself.
			joined = true
			l.Joined()
		case *redis.Message:
			if r, ok := parseRevocation(m.Payload); ok {
				l.Heard(r)
			}
		}
		switch {
		case err == nil:
			asked = false
		case !isTimeout(err):
			return joined, err
		case asked || !joined:
			return joined, errSilent
		default:
			if err := sub.Ping(ctx); err != nil {
				return joined, err
			}
			asked = true
		}
	}
}
