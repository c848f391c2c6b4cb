//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A template is a folder in the cache with a Medusa that was installed, prepared and
// seeded, and is not running: a copy of the folder server, a link to its packages, and
const (
	templateData  = "postgres"   // the data of its PostgreSQL
	templateSeeds = "seeds.json" // what seeding has returned
)

// medusaTemplate returns the template, which it makes when the cache does not have it,
// and what seed has returned then.
func medusaTemplate[Seeds any](t *testing.T, v MedusaVersion, seed func(empty *Medusa) Seeds) (string, Seeds) {
	t.Helper()
	modules := NodeModules(t, "server", "--legacy-peer-deps")
	dir, err := Cached(v.Name+"/"+v.templateKey(t), func(work string) error {
		if err := os.CopyFS(work, os.DirFS("server")); err != nil {
			return err
		}
		if err := os.Symlink(modules, filepath.Join(work, "node_modules")); err != nil {
			return err
		}
		return makeTemplate(t, v, work, seed)
	})
	if err != nil {
		t.Fatalf("installing %s: %v", v.Name, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, templateSeeds))
	if err != nil {
		t.Fatal(err)
	}
	var seeds Seeds
	if err := json.Unmarshal(data, &seeds); err != nil {
		t.Fatal(err)
	}
	return dir, seeds
}

// templateKey is a hash over everything that the template is made of.
func (v MedusaVersion) templateKey(t *testing.T) string {
	t.Helper()
	sum := sha256.New()
	fmt.Fprintln(sum, v.Template, PostgresPrograms(t))
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

// makeTemplate prepares, starts and seeds the Medusa in that folder, and keeps there
// what that has left on disk.
func makeTemplate[Seeds any](t *testing.T, v MedusaVersion, dir string, seed func(empty *Medusa) Seeds) error {
	m := newMedusa(t, v, dir, "")
	if err := m.prepare(); err != nil {
		return err
	}
	m.Restart()
	seeds, err := json.Marshal(seed(m))
	if err != nil {
		return err
	}
	m.Stop()
	m.redis.Stop()
	m.Postgres.Stop()
	if err := CopyTree(m.Postgres.Dir, filepath.Join(dir, templateData)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, templateSeeds), seeds, 0o644)
}
