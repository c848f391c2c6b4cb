//go:build unix && !linux

package identitytest

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// endWithParent does nothing: only Linux can tie a child to its parent's life.
func endWithParent(*exec.Cmd) {}

// awaitPaused asks ps until the state is T, since kill(2) returns before the stop.
func awaitPaused(pid int, done <-chan struct{}) error {
	for {
		state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
		if err != nil {
			return fmt.Errorf("asking for the state of process %d: %w", pid, err)
		}
		if strings.HasPrefix(strings.TrimSpace(string(state)), "T") {
			return nil
		}
		select {
		case <-done:
			return errors.New("the process has ended")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
