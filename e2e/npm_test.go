//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Scripts find their packages by name, and the packages find theirs.
func TestNodeProject(t *testing.T) {
	t.Parallel()
	dir := NodeProject(t, "client", nil)
	script := `import Medusa from "@medusajs/js-sdk"
import { chromium } from "playwright-core"
console.log(typeof new Medusa({ baseUrl: "http://127.0.0.1" }).auth.login + ", " + typeof chromium.launch)`
	if err := os.WriteFile(filepath.Join(dir, "script.mjs"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "script.mjs")
	node.Dir = dir
	out, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != "function, function" {
		t.Errorf("the script printed %q", got)
	}
}

// In an empty cache, tests side by side install once and see all of it.
func TestNodeModulesAreInstalledOnce(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(CacheVariable, cache)
	folders := make([]string, 4)
	var wg sync.WaitGroup
	for i := range folders {
		wg.Go(func() {
			var err error
			if folders[i], err = nodeModules(t, "client"); err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(folders[i], "qs", "package.json")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, folder := range folders {
		if folder != folders[0] || !strings.HasPrefix(folder, cache) {
			t.Errorf("installed at %q and %q", folder, folders[0])
		}
	}
	entries, err := os.ReadDir(filepath.Join(cache, "npm"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 { // the folder and its lock
		t.Errorf("the cache holds %v", entries)
	}
}

// A cut-off or refused installation is an error and leaves nothing that the next run would take for whole.
func TestNodeModulesRefusesALockThatDoesNotFit(t *testing.T) {
	cache, dir := t.TempDir(), t.TempDir()
	t.Setenv(CacheVariable, cache)
	for name, text := range map[string]string{
		"package.json":      `{"name":"x","dependencies":{"qs":"6.17.1"}}`,
		"package-lock.json": `{"name":"x","lockfileVersion":3,"requires":true,"packages":{"":{"name":"x"}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if folder, err := nodeModules(t, dir); err == nil {
		t.Fatalf("installed at %s", folder)
	}
	entries, err := os.ReadDir(filepath.Join(cache, "npm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			t.Errorf("left behind: %s", entry.Name())
		}
	}
}
