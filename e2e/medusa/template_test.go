//go:build unix && medusa

package medusa

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// templateVersion is raised when what this file or seed_test.go make changes.
const templateVersion = "1"

// template is a Medusa that was installed, built, migrated and seeded, and is
// not running.
type template struct {
	dir string // .medusa/server and node_modules, as Medusa has them; postgres, its data
	seeds
}

// install returns the template, which it makes when the cache does not have it.
func install(t *testing.T) template {
	t.Helper()
	modules := e2e.NodeModules(t, "server", "--legacy-peer-deps")
	dir, err := e2e.Cached("medusa/"+templateKey(t), func(work string) error {
		made := template{dir: work}
		if err := os.CopyFS(work, os.DirFS("server")); err != nil {
			return err
		}
		if err := os.Symlink(modules, filepath.Join(work, "node_modules")); err != nil {
			return err
		}
		return made.make(t)
	})
	if err != nil {
		t.Fatalf("installing Medusa: %v", err)
	}
	made := template{dir: dir}
	data, err := os.ReadFile(filepath.Join(dir, seedsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &made.seeds); err != nil {
		t.Fatal(err)
	}
	return made
}

// templateKey is a hash over everything that the template is made of.
func templateKey(t *testing.T) string {
	t.Helper()
	sum := sha256.New()
	fmt.Fprintln(sum, templateVersion, e2e.PostgresPrograms(t))
	err := fs.WalkDir(os.DirFS("server"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join("server", name))
		fmt.Fprintf(sum, "%s %d\n%s", name, len(data), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// make builds Medusa, creates its database, migrates and seeds it, and keeps
// what that has left on disk.
func (m template) make(t *testing.T) error {
	if out, err := m.command(t, m.dir, stores{}, "build").CombinedOutput(); err != nil {
		return fmt.Errorf("medusa build: %w\n%s", err, out)
	}
	t.Log("Medusa is built")
	postgres := e2e.StartPostgres(t, "")
	redis := identitytest.StartRedis(t)
	s := stores{postgres: postgres, redis: redis}
	if out, err := m.command(t, m.serverDir(), s, "db:migrate").CombinedOutput(); err != nil {
		return fmt.Errorf("medusa db:migrate: %w\n%s", err, out)
	}
	t.Log("Medusa is migrated")
	server := m.start(t, s)
	seeded, err := json.Marshal(server.seed(t))
	if err != nil {
		return err
	}
	server.Stop()
	redis.Stop()
	postgres.Stop()
	if err := e2e.CopyTree(postgres.Dir, filepath.Join(m.dir, "postgres")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.dir, seedsFile), seeded, 0o644)
}

func (m template) serverDir() string { return filepath.Join(m.dir, ".medusa", "server") }
