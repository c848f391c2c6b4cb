//go:build unix

package identitytest_test

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// recorder is a test that may fail without failing the one that watches it.
type recorder struct {
	testing.TB
	failures []string
	logs     []string
	cleanups []func()
}

func (r *recorder) Helper()                    {}
func (r *recorder) Failed() bool               { return len(r.failures) > 0 }
func (r *recorder) Cleanup(f func())           { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(f string, args ...any) { r.logs = append(r.logs, fmt.Sprintf(f, args...)) }
func (r *recorder) Errorf(f string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(f, args...))
}

func (r *recorder) Fatalf(f string, args ...any) {
	r.Errorf(f, args...)
	runtime.Goexit()
}

// run runs f as a test of its own, with its cleanups.
func run(t *testing.T, f func(t testing.TB)) *recorder {
	r := &recorder{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			for _, cleanup := range slices.Backward(r.cleanups) {
				cleanup()
			}
		}()
		f(r)
	}()
	<-ended
	return r
}

func saysReady(line string) bool { return line == "ready" }

func TestProcessEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var p *identitytest.Process
	r := run(t, func(t testing.TB) {
		p = identitytest.StartProcess(t, exec.Command("sh", "-c", "echo not ready; echo ready; exec sleep 1000"), saysReady)
		if p.ExitCode() != -1 {
			t.Errorf("it has ended: %d", p.ExitCode())
		}
	})
	if r.Failed() {
		t.Errorf("failures: %q", r.failures)
	}
	if err := syscall.Kill(p.Pid(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if len(r.logs) > 0 {
		t.Errorf("a passed test shows %q", r.logs)
	}
}

func TestProcessThatEndsBeforeItIsReady(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, *exec.Cmd){
		"by line": func(t testing.TB, cmd *exec.Cmd) { identitytest.StartProcess(t, cmd, saysReady) },
		"by port": func(t testing.TB, cmd *exec.Cmd) {
			identitytest.StartServer(t, cmd, net.JoinHostPort("127.0.0.1", strconv.Itoa(identitytest.FreePort(t))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			returned := false
			r := run(t, func(t testing.TB) {
				start(t, exec.Command("sh", "-c", "echo almost ready; echo no space left >&2; exit 3"))
				returned = true
			})
			if returned {
				t.Error("the test went on")
			}
			if len(r.failures) != 1 || !strings.Contains(r.failures[0], "exit status 3") {
				t.Errorf("failures: %q", r.failures)
			}
			if len(r.logs) != 1 || !strings.Contains(r.logs[0], "almost ready\nno space left\n") {
				t.Errorf("logs: %q", r.logs)
			}
		})
	}
}

func TestProcessThatIsMissing(t *testing.T) {
	t.Parallel()
	r := run(t, func(t testing.TB) {
		identitytest.StartProcess(t, exec.Command("no-such-program-here"), saysReady)
	})
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], "no-such-program-here") {
		t.Errorf("failures: %q", r.failures)
	}
}

func TestProcessKeepsTheEndOfItsOutput(t *testing.T) {
	t.Parallel()
	p := identitytest.StartProcess(t, exec.Command("sh", "-c", "echo ready; seq 100000; printf end"), saysReady)
	<-p.Done()
	if got := p.Output(); len(got) != 64<<10 || !strings.HasSuffix(got, "\n100000\nend") {
		t.Errorf("kept %d bytes, ending in %q", len(got), got[max(0, len(got)-20):])
	}
	if p.ExitCode() != 0 {
		t.Errorf("exit status %d", p.ExitCode())
	}
}

func TestFreePortsDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[int]bool)
	for range 200 {
		port := identitytest.FreePort(t)
		if seen[port] {
			t.Fatalf("port %d was given out twice", port)
		}
		seen[port] = true
		listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil { // it stays reserved without a listener
			t.Fatal(err)
		}
	}
}
