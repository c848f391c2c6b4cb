package identitytest

import (
	"testing"
	"time"
)

// Await asks until the condition holds. A test in which it never does fails
// after a minute.
func Await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for late := time.Now().Add(startTimeout); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("waited %v in vain until %s", startTimeout, what)
		}
	}
}
