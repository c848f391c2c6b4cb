//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// CacheVariable names the environment variable with the folder that keeps npm
// packages between runs. Default: `auth-sidecar` in the user's cache folder.
const CacheVariable = "AUTH_SIDECAR_CACHE"

// NodeModules installs what the package-lock.json in dir names and returns the
// path of the node_modules folder, which is outside the checkout, shared by all
// tests with the same lock file, and not to be written to. A lock file is made by
//
//	npm install --package-lock-only --omit-lockfile-registry-resolved
//
// so that it holds checksums and no addresses.
func NodeModules(t testing.TB, dir string) string {
	t.Helper()
	folder, err := nodeModules(t, dir)
	if err != nil {
		t.Fatalf("npm packages of %s: %v", dir, err)
	}
	return folder
}

// NodeProject copies dir to a temporary folder, with the node_modules of its
// lock file beside, and returns that folder. Scripts run from there find their
// packages by name, `import` as well as `require`.
func NodeProject(t testing.TB, dir string) string {
	t.Helper()
	modules := NodeModules(t, dir)
	project := t.TempDir()
	if err := os.CopyFS(project, os.DirFS(dir)); err != nil {
		t.Fatalf("copying %s: %v", dir, err)
	}
	if err := os.Symlink(modules, filepath.Join(project, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return project
}

func nodeModules(t testing.TB, dir string) (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	home := filepath.Join(cache, "npm", hex.EncodeToString(sum[:]))
	modules := filepath.Join(home, "node_modules")

	// Packages are tested side by side in processes of their own: one installs,
	// the others wait for it.
	unlock, err := lockFile(home + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	// The final name appears when all is there, so a run that was cut short leaves
	// no half of an installation behind.
	work, err := os.MkdirTemp(filepath.Dir(home), "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := install(t, dir, work); err != nil {
		return "", err
	}
	if err := os.Rename(work, home); err != nil {
		return "", err
	}
	return modules, nil
}

// install puts the packages of the lock file in dir into work. None of their
// scripts is run.
func install(t testing.TB, dir, work string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(work, name), data, 0o644); err != nil {
			return err
		}
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--omit=dev", "--ignore-scripts",
		"--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
	npm.Dir = work
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}

func cacheFolder() (string, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("set %s: %w", CacheVariable, err)
	}
	return filepath.Join(dir, "auth-sidecar"), nil
}

// lockFile waits until this process alone holds the lock at path. The lock ends
// with the process, however that ends.
func lockFile(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		switch err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); {
		case err == nil:
			return func() { _ = file.Close() }, nil
		case !errors.Is(err, syscall.EINTR):
			_ = file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
	}
}
