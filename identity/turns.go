package identity

import (
	"context"
	"errors"
	"sync"
)

// turnsMost is how many may wait for one name.
const turnsMost = 32

var errTurns = errors.New("too many wait already")

// turns lets those of one name go one after the other.
type turns struct {
	mu     sync.Mutex
	byName map[string]*turn
}

type turn struct {
	free    chan struct{} // holds something while it is nobody's turn
	callers int
}

func newTurns() *turns { return &turns{byName: make(map[string]*turn)} }

// take waits until it is the caller's turn. It fails when ctx ends before, or at
// once when too many wait.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	current, err := t.join(name)
	if err != nil {
		return nil, err
	}
	select {
	case <-current.free:
		return func() {
			current.free <- struct{}{}
			t.leave(name, current)
		}, nil
	case <-ctx.Done():
		t.leave(name, current)
		return nil, ctx.Err()
	}
}

func (t *turns) join(name string) (*turn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	current := t.byName[name]
	switch {
	case current == nil:
		current = &turn{free: make(chan struct{}, 1)}
		current.free <- struct{}{}
		t.byName[name] = current
	case current.callers > turnsMost:
		return nil, errTurns
	}
	current.callers++
	return current, nil
}

func (t *turns) leave(name string, current *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if current.callers--; current.callers == 0 {
		delete(t.byName, name)
	}
}
