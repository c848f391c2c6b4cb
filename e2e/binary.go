//go:build unix

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// CaddyBinary builds the Caddy of this repository, once per test run, and
// returns its path. It has the race detector when the tests have it.
func CaddyBinary(t testing.TB) string {
	t.Helper()
	path, err := caddyBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// binaryFolder is made by TestMain, which removes it.
var binaryFolder string

var caddyBinary = sync.OnceValues(func() (string, error) {
	if err := noteSources(); err != nil {
		return "", err
	}
	path := filepath.Join(binaryFolder, "caddy")
	args := []string{"build", "-buildvcs=false", "-o", path}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./caddymodule/cmd/caddy")...)
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Caddy: %w\n%s", err, out)
	}
	return path, nil
})

// noteSources looks at every source file of the binary. The go command takes a
// test's result from its cache while the files that the test itself looked at
// are the same; it does not see those that a compiler read on the test's behalf.
func noteSources() error {
	for _, root := range []string{"../go.mod", "../go.sum", "../caddymodule", "../identity"} {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			_, err = os.Stat(name)
			return err
		})
		if err != nil {
			return fmt.Errorf("looking at the sources of Caddy: %w", err)
		}
	}
	return nil
}
