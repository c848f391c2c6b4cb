//go:build unix

package identitytest

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// How long a program may take to say that it is ready, and to end when it is
	// asked to. Only a program that hangs reaches them.
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second

	// How much of a program's output is kept for the report of a failed test.
	outputLimit = 64 << 10
)

// Process is a program that runs for one test. Its methods are for the
// goroutine of that test.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	output *output
	done   chan struct{} // closed when it has ended and its output was read
	paused bool
}

// StartProcess starts cmd and returns when ready has reported true for a line
// that the program wrote to its standard output or error. The program ends with
// the test, or with the test's process should that be killed. When the test
// fails, the end of the program's output is in its log.
//
// A program that cannot be started, or ends before it is ready, fails the test.
func StartProcess(t testing.TB, cmd *exec.Cmd, ready func(line string) bool) *Process {
	t.Helper()
	p := launch(t, cmd, ready)
	select {
	case <-p.output.ready:
	case <-p.done:
		p.fatalEnded()
	case <-time.After(startTimeout):
		p.fatalLate()
	}
	return p
}

// StartServer is StartProcess for a program that is ready when it accepts
// connections at every one of the addresses, which have ports from FreePort.
func StartServer(t testing.TB, cmd *exec.Cmd, addrs ...string) *Process {
	t.Helper()
	p := launch(t, cmd, func(string) bool { return false })
	late := time.After(startTimeout)
	for len(addrs) > 0 {
		conn, err := net.Dial("tcp", addrs[0])
		if err == nil {
			_ = conn.Close()
			addrs = addrs[1:]
			continue
		}
		select {
		case <-p.done:
			p.fatalEnded()
		case <-late:
			p.fatalLate()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return p
}

func (p *Process) fatalEnded() {
	p.t.Helper()
	p.t.Fatalf("%s ended before it was ready: %v", p.name(), p.cmd.ProcessState)
}

func (p *Process) fatalLate() {
	p.t.Helper()
	p.t.Fatalf("%s was not ready after %v", p.name(), startTimeout)
}

// launch starts cmd without waiting until it is ready.
func launch(t testing.TB, cmd *exec.Cmd, ready func(line string) bool) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, done: make(chan struct{})}
	p.output = &output{match: ready, ready: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.WaitDelay = stopTimeout // a child that kept the pipe open
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name(), err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
	}()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("output of %s:\n%s", p.name(), p.Output())
		}
	})
	return p
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ExitCode returns the status of a program that has ended: -1 after a signal,
// and while it runs.
func (p *Process) ExitCode() int {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Output returns what the program wrote, its last 64 KiB.
func (p *Process) Output() string {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	return string(p.output.text)
}

// Stop asks the program to end (SIGTERM) and waits for it. A program that does
// not end by itself is killed and fails the test. One that has ended is left alone.
func (p *Process) Stop() {
	p.t.Helper()
	if p.paused { // a stopped process cannot answer SIGTERM
		p.Resume()
	}
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		p.Kill()
		p.t.Errorf("%s did not end within %v of SIGTERM", p.name(), stopTimeout)
	}
}

// Kill ends the program at once (SIGKILL) and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.paused = false
	<-p.done
}

// Pause halts the program (SIGSTOP) and returns when it no longer runs. Its
// connections stay open and nothing on them is answered.
func (p *Process) Pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	if err := awaitPaused(p.Pid(), p.done); err != nil {
		p.t.Fatalf("pausing %s: %v", p.name(), err)
	}
	p.paused = true
}

// Resume lets a paused program go on (SIGCONT).
func (p *Process) Resume() {
	p.t.Helper()
	p.signal(syscall.SIGCONT)
	p.paused = false
}

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	select {
	case <-p.done:
		return
	default:
	}
	// os.Process holds the process itself, so its number cannot mean another one.
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("sending %v to %s: %v", s, p.name(), err)
	}
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// output takes what a program writes, keeps the end of it, and closes ready at
// the first line that matches.
type output struct {
	match func(line string) bool
	ready chan struct{}

	mu      sync.Mutex
	text    []byte
	partial []byte // a line without its end
	matched bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	if excess := len(o.text) - outputLimit; excess > 0 {
		o.text = append(o.text[:0], o.text[excess:]...)
	}
	if o.matched {
		return len(b), nil
	}
	o.partial = append(o.partial, b...)
	for {
		line, rest, found := bytes.Cut(o.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		if o.match(strings.TrimRight(string(line), "\r")) {
			o.matched, o.partial = true, nil
			close(o.ready)
			return len(b), nil
		}
		o.partial = rest
	}
}
