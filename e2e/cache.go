//go:build unix

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// CacheVariable names the environment variable with the folder that keeps
// between runs what takes long to make: npm packages, servers. Default:
// `auth-sidecar` in the user's cache folder.
const CacheVariable = "AUTH_SIDECAR_CACHE"

// Cached returns the folder of that name (which may have slashes) in the cache,
// for which fill fills an empty folder beside it when it is not there. It
// appears when fill has returned without an error, so a run that was cut short
// leaves no half behind. The name says all that the content depends on. The
// folder is shared by all tests and not to be written to.
func Cached(name string, fill func(work string) error) (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, filepath.FromSlash(name))
	// Packages are tested side by side in processes of their own: one fills, the
	// others wait for it.
	unlock, err := lockFile(home + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(home); err == nil {
		return home, nil
	}
	work, err := os.MkdirTemp(filepath.Dir(home), "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := fill(work); err != nil {
		return "", err
	}
	if err := os.Rename(work, home); err != nil {
		return "", err
	}
	return home, nil
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
