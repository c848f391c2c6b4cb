package redisstore

import (
	"net"
	"sync"
)

// eagerConn is the server's end of a net.Pipe whose writes do not wait for the
// reader. A pipe holds nothing, so the server would wait for its first reply to
// be read while the client waits for the rest of its pipeline to be taken.
type eagerConn struct {
	net.Conn

	mu      sync.Mutex
	waiting []byte
	more    chan struct{} // has an element when something is waiting
	closed  chan struct{}
	close   func()
}

func newEagerConn(conn net.Conn) *eagerConn {
	c := &eagerConn{Conn: conn, more: make(chan struct{}, 1), closed: make(chan struct{})}
	c.close = sync.OnceFunc(func() { close(c.closed) })
	go c.send()
	return c
}

// Write implements net.Conn.
func (c *eagerConn) Write(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	c.mu.Lock()
	c.waiting = append(c.waiting, b...)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Close implements net.Conn.
func (c *eagerConn) Close() error {
	c.close()
	return c.Conn.Close()
}

func (c *eagerConn) send() {
	for {
		select {
		case <-c.closed:
			return
		case <-c.more:
		}
		c.mu.Lock()
		b := c.waiting
		c.waiting = nil
		c.mu.Unlock()
		if len(b) == 0 { // sent together with what came before; an empty write would wait too
			continue
		}
		if _, err := c.Conn.Write(b); err != nil {
			_ = c.Close()
			return
		}
	}
}
