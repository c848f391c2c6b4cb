package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// attackRows are the groups of the maintainers' list, with their last rows.
var attackRows = map[string]int{"A": 8, "B": 8, "C": 4, "D": 15, "E": 9, "F": 11, "G": 11, "H": 7, "I": 4, "J": 5, "K": 6}

// Every row of the list is in the ledger, once; every test that is named there
// exists; and the corpus is named at those rows that it has cases of.
func TestLedger(t *testing.T) {
	t.Parallel()
	rows := ledger(t)
	for group, last := range attackRows {
		for n := 1; n <= last; n++ {
			if row := fmt.Sprint(group, n); rows[row] == "" {
				t.Errorf("%s is not in the ledger", row)
			}
		}
	}
	tests, corpus := testNames(t), corpusRows(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+|[a-z0-9_/.-]+\\.mjs)`")
	for row, line := range rows {
		found := named.FindAllStringSubmatch(line, -1)
		for _, name := range found {
			if strings.HasSuffix(name[1], ".mjs") {
				if _, err := os.Stat("../" + name[1]); err != nil {
					t.Errorf("%s: %v", row, err)
				}
			} else if !tests[name[1]] {
				t.Errorf("%s: there is no %s", row, name[1])
			}
		}
		if len(found) == 0 && !strings.Contains(line, "not exist here") {
			t.Errorf("%s names no test", row)
		}
		if corpus[row] != strings.Contains(line, "`TestAttacks`") {
			t.Errorf("%s: in the corpus: %t; the ledger says otherwise", row, corpus[row])
		}
	}
}

// ledger returns the lines of the tables by their rows.
func ledger(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for _, match := range regexp.MustCompile(`(?m)^\| ([A-K][0-9]+) .*$`).FindAllStringSubmatch(string(text), -1) {
		if rows[match[1]] != "" {
			t.Errorf("%s is in the ledger twice", match[1])
		}
		rows[match[1]] = match[0]
	}
	return rows
}

// testNames returns the names of all tests and fuzz targets.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	pattern := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "node_modules"}, entry.Name()) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, match := range pattern.FindAllSubmatch(text, -1) {
			names[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// corpusRows returns the rows of which the corpus has cases.
func corpusRows(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../e2e/attacks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	rows := make(map[string]bool)
	for _, file := range files {
		var cases []struct{ Row string }
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &cases); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			rows[c.Row] = true
		}
	}
	return rows
}
