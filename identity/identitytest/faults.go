package identitytest

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Fault is a way in which a command fails.
type Fault struct {
	// Lost: the server carries the command out, and only its reply gets lost.
	// Otherwise the command never gets there.
	Lost bool
	// Down: so does every command after it, as if the process had died.
	Down bool
}

// AllFaults are the ways to fail, by name.
var AllFaults = map[string]Fault{
	"command lost":            {},
	"reply lost":              {Lost: true},
	"died before the command": {Down: true},
	"died after the command":  {Lost: true, Down: true},
}

// ErrFault is what a failed command returns.
var ErrFault = errors.New("failed by the test")

// Faults is a go-redis hook that counts commands, those that a new connection
// sends included, and lets one of them fail. A command in a pipeline counts as
// one; those before it are carried out. It is safe for concurrent use.
type Faults struct {
	mu       sync.Mutex
	fault    Fault
	left     int // commands until the one that fails; -1: none does
	fired    bool
	commands int
	trips    int
}

// NewFaults returns a hook that lets everything pass.
func NewFaults() *Faults { return &Faults{left: -1} }

// Arm lets the nth command from now on fail, counted from 0.
func (f *Faults) Arm(n int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.fault, f.fired = n, fault, false
}

// Disarm lets everything pass again and reports whether a command failed.
func (f *Faults) Disarm() (fired bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = -1
	return f.fired
}

// Sent returns how many commands there were, and in how many round trips.
func (f *Faults) Sent() (commands, roundTrips int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commands, f.trips
}

// pass counts n commands and returns how many of them are to be carried out,
// and whether the replies arrive.
func (f *Faults) pass(n int) (carriedOut int, replies bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands += n
	f.trips++
	if f.left < 0 {
		return n, true
	}
	if f.fired {
		if f.fault.Down {
			return 0, false
		}
		return n, true
	}
	if f.left >= n {
		f.left -= n
		return n, true
	}
	f.fired = true
	carriedOut = f.left
	if f.fault.Lost {
		carriedOut++
	}
	return carriedOut, false
}

// DialHook implements redis.Hook.
func (f *Faults) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (f *Faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		carriedOut, replies := f.pass(1)
		if replies {
			return next(ctx, cmd)
		}
		if carriedOut == 1 {
			_ = next(ctx, cmd)
		}
		cmd.SetErr(ErrFault)
		return ErrFault
	}
}

// ProcessPipelineHook implements redis.Hook.
func (f *Faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		count := len(cmds)
		if count > 2 && cmds[count-1].Name() == "wait" {
			// WAIT and what it waits for belong to the command before them: that was
			// carried out and they were not looks to the caller like a lost reply.
			count -= 2
		}
		carriedOut, replies := f.pass(count)
		if replies {
			return next(ctx, cmds)
		}
		if carriedOut > 0 {
			_ = next(ctx, cmds[:carriedOut])
		}
		for _, cmd := range cmds {
			cmd.SetErr(ErrFault)
		}
		return ErrFault
	}
}
