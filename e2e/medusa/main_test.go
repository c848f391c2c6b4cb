//go:build unix && medusa

package medusa

import (
	"flag"
	"os"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// sideBySide is how many tests run at once unless -parallel says otherwise. Most
// of the time they wait: for Medusa, or for it to be given up on.
const sideBySide = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if !told {
		_ = flag.Set("test.parallel", sideBySide) // the flag is there, and takes a number
	}
	os.Exit(e2e.Main(m))
}
