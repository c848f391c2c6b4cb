package notify_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// memory is a queue whose clock is the one of a synctest bubble.
type memory struct {
	mu      sync.Mutex
	entries []*memoryEntry
	down    bool
	calls   int // while it was down
}

type memoryEntry struct {
	request    identity.ResetRequest
	unreadable error
	groups     map[string]*memoryState
}

type memoryState struct {
	consumer string
	since    time.Time
	attempts int
	done     bool
}

var errDown = identity.Unavailable("redis_unavailable", errors.New("connection refused"))

func (m *memory) add(r identity.ResetRequest, unreadable error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, &memoryEntry{r, unreadable, make(map[string]*memoryState)})
}

func (m *memory) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// open counts the requests that the group is not done with, and those of them
// that a consumer took.
func (m *memory) open(group string) (open, taken int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		s := e.groups[group]
		if s != nil && s.done {
			continue
		}
		open++
		if s != nil {
			taken++
		}
	}
	return open, taken
}

func (m *memory) reach(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.down {
		m.calls++
		return errDown
	}
	return nil
}

func (m *memory) Take(ctx context.Context, group, consumer string, limit int, lease time.Duration,
	deliver func(id string, attempt int, r identity.ResetRequest, err error),
) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx); err != nil {
		return err
	}
	for _, fresh := range []bool{false, true} {
		for i, e := range m.entries {
			s := e.groups[group]
			if limit == 0 || fresh != (s == nil) || s != nil && (s.done || time.Since(s.since) < lease) {
				continue
			}
			if s == nil {
				s = new(memoryState)
				e.groups[group] = s
			}
			limit--
			s.consumer, s.since = consumer, time.Now()
			s.attempts++
			deliver(strconv.Itoa(i), s.attempts, e.request, e.unreadable)
		}
	}
	return nil
}

func (m *memory) Done(ctx context.Context, group, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx); err != nil {
		return err
	}
	m.state(group, id).done = true
	return nil
}

func (m *memory) PutBack(ctx context.Context, group, consumer, id string, lease, delay time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reach(ctx); err != nil {
		return err
	}
	if s := m.state(group, id); s.consumer == consumer {
		s.since = time.Now().Add(delay - lease)
	}
	return nil
}

func (m *memory) Sweep(ctx context.Context, _ time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reach(ctx)
}

func (m *memory) state(group, id string) *memoryState {
	i, err := strconv.Atoi(id)
	if err != nil {
		panic(err)
	}
	return m.entries[i].groups[group]
}
