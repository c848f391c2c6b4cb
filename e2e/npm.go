//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// NodeModules installs what the package-lock.json in dir names and returns the
// path of the node_modules folder, which is outside the checkout, shared by all
// tests with the same lock file, and not to be written to. A lock file is made by
//
//	npm install --package-lock-only --omit-lockfile-registry-resolved
//
// so that it holds checksums and no addresses. Options are further ones for npm ci.
func NodeModules(t testing.TB, dir string, options ...string) string {
	t.Helper()
	folder, err := nodeModules(t, dir, options...)
	if err != nil {
		t.Fatalf("npm packages of %s: %v", dir, err)
	}
	return folder
}

// NodeProject copies dir to a temporary folder, with the node_modules of its lock
// file beside and those further folders, each by the name that it is to have there,
// and returns that folder. Scripts run from there find their packages by name,
// `import` as well as `require`.
func NodeProject(t testing.TB, dir string, folders map[string]string) string {
	t.Helper()
	modules := NodeModules(t, dir)
	project := t.TempDir()
	put := func(from, name string) {
		t.Helper()
		if err := os.CopyFS(filepath.Join(project, name), os.DirFS(from)); err != nil {
			t.Fatalf("copying %s: %v", from, err)
		}
	}
	put(dir, "")
	for from, name := range folders {
		put(from, name)
	}
	if err := os.Symlink(modules, filepath.Join(project, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return project
}

func nodeModules(t testing.TB, dir string, options ...string) (string, error) {
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	home, err := Cached("npm/"+hex.EncodeToString(sum[:]), func(work string) error {
		return install(t, dir, work, options)
	})
	return filepath.Join(home, "node_modules"), err
}

// install puts the packages of the lock file in dir into work. None of their
// scripts is run.
func install(t testing.TB, dir, work string, options []string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(work, name), data, 0o644); err != nil {
			return err
		}
	}
	npm := exec.CommandContext(t.Context(), "npm", append([]string{"ci", "--omit=dev", "--ignore-scripts",
		"--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"}, options...)...)
	npm.Dir = work
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}
