//go:build unix

package e2e

import (
	"errors"
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

// binaryFolder is made by Main, which removes it.
var binaryFolder string

// Main runs the tests of a package that uses CaddyBinary and returns their exit
// status: such a package has
//
//	func TestMain(m *testing.M) { os.Exit(e2e.Main(m)) }
func Main(m *testing.M) int {
	var err error
	if binaryFolder, err = os.MkdirTemp("", "auth-sidecar-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(binaryFolder) }()
	return m.Run()
}

var caddyBinary = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	if err := noteSources(root); err != nil {
		return "", err
	}
	path := filepath.Join(binaryFolder, "caddy")
	args := []string{"build", "-buildvcs=false", "-o", path}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./caddymodule/cmd/caddy")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Caddy: %w\n%s", err, out)
	}
	return path, nil
})

// noteSources looks at every source file of the binary. The go command takes a
// test's result from its cache while the files that the test itself looked at
// are the same; it does not see those that a compiler read on the test's behalf.
func noteSources(root string) error {
	for _, name := range []string{"go.mod", "go.sum", "caddymodule", "identity"} {
		err := filepath.WalkDir(filepath.Join(root, name), func(name string, entry fs.DirEntry, err error) error {
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

// moduleRoot returns the folder of go.mod, at or above that of the tests.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("the tests run outside of the module")
		}
		dir = above
	}
}
