package caddymodule_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
)

// The secrets of every test, in the environment as TEST_JWT_SECRET and
// TEST_COOKIE_SECRET.
const (
	jwtSecret    = "jwt-secret-of-the-tests-0123456789"
	cookieSecret = "cookie-secret-of-the-tests-0123456789"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	for name, value := range map[string]string{"TEST_JWT_SECRET": jwtSecret, "TEST_COOKIE_SECRET": cookieSecret} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	caddymodule.SetDrainDelay(time.Second)
	code := m.Run()
	if left := leftovers(); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, left)
		return 1
	}
	return code
}

// leftovers says what the tests have left behind. Goroutines may take a moment
// to end; only a defect keeps them for long.
func leftovers() string {
	for deadline := time.Now().Add(30 * time.Second); ownGoroutines() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 8<<20)
			return "goroutines are left:\n" + string(stacks[:runtime.Stack(stacks, true)])
		}
	}
	if connected, references := caddymodule.PooledConnections(); connected > 0 {
		return fmt.Sprintf("%d connections with %d references are left", connected, references)
	}
	return ""
}

// ownGoroutines counts the goroutines of the sidecar, but for those of tests and
// of pooled connections.
func ownGoroutines() int {
	stacks := make([]byte, 8<<20)
	count := 0
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "/auth-sidecar/") && !strings.Contains(stack, "_test.") &&
			!strings.Contains(stack, "miniredis") && !strings.Contains(stack, "eagerConn") {
			count++
		}
	}
	return count
}
