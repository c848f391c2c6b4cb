//go:build unix

package attacks

import (
	"io"
	"sync"
)

// pool keeps connections for the next request, since most of what a request costs
// is its handshake. One that an attack has broken is not given back.
type pool[C any] struct {
	mu   sync.Mutex
	free map[string][]C // by address
}

func (p *pool[C]) take(addr string, dial func(addr string) (C, error)) (C, error) {
	p.mu.Lock()
	list := p.free[addr]
	if n := len(list); n > 0 {
		defer p.mu.Unlock()
		p.free[addr] = list[:n-1]
		return list[n-1], nil
	}
	p.mu.Unlock()
	return dial(addr)
}

func (p *pool[C]) give(addr string, conn C) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == nil {
		p.free = make(map[string][]C)
	}
	p.free[addr] = append(p.free[addr], conn)
}

// empty ends the connections, so that a Caddy that stops need not wait for them.
func (p *pool[C]) empty(end func(C)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.free {
		for _, conn := range list {
			end(conn)
		}
	}
	p.free = nil
}

// hangUp ends every connection that is kept.
func hangUp() {
	closeIt := func(c io.Closer) { _ = c.Close() }
	poolH1.empty(func(c *connH1) { closeIt(c) })
	poolH2.empty(func(c *connH2) { closeIt(c) })
	poolH3.empty(hangUpH3)
}
