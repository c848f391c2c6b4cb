//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// accessPattern finds the function at the top of each of the two accesses in a report of
// the race detector.
var accessPattern = regexp.MustCompile(`(?mi)^(?:previous )?(?:atomic )?(?:read|write) at 0x[0-9a-f]+ by [^\n]*:\n\s+(\S+)`)

// ofCaddy reports whether both accesses of a data race are in Caddy's own code, which
// has some: it copies modules by value while they stop.
func ofCaddy(report string) bool {
	accesses := accessPattern.FindAllStringSubmatch(report, -1)
	for _, access := range accesses {
		if !strings.HasPrefix(access[1], "github.com/caddyserver/") {
			return false
		}
	}
	return len(accesses) == 2
}

// races returns the reports in the files that begin with path, but those of Caddy's own.
func races(t testing.TB, path string) (ours []string) {
	t.Helper()
	files, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, report := range strings.Split(string(text), "WARNING: DATA RACE")[1:] {
			if ofCaddy(report) {
				t.Log("a data race of Caddy's own")
				continue
			}
			ours = append(ours, report)
		}
	}
	return ours
}
