package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// adapt turns a Caddyfile into JSON, as `caddy adapt` does.
func adapt(caddyfile string) ([]byte, error) {
	result, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	return result, err
}

// Each fixture is a Caddyfile, a line of ten dashes, and the JSON that it means
// or the error text that must occur, with file and line.
func TestAdapt(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("looking for fixtures: %d found, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, ok := strings.Cut(string(data), "\n----------\n")
			want = strings.TrimSpace(want)
			if !ok || want == "" {
				t.Fatal("no line of dashes, or nothing behind it")
			}
			got, err := adapt(input + "\n")
			if !strings.HasPrefix(want, "{") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got error  %v\nwant it with %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, got, "", "\t"); err != nil {
				t.Fatal(err)
			}
			if pretty.String() != want {
				t.Errorf("got\n%s\nwant\n%s", pretty.String(), want)
			}
		})
	}
}

// What is adapted does not depend on the machine: no environment, no files.
func TestAdaptReadsNothing(t *testing.T) {
	const text = `{
	auth_sidecar {
		redis {env.ADAPT_REDIS_URL}
		jwt {
			key_file {env.ADAPT_KEY}
		}
		session {
			secret {file./nonexistent/secret}
		}
	}
}
:80 {
	auth_sidecar
}
`
	without, err := adapt(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ADAPT_REDIS_URL", "redis://elsewhere")
	t.Setenv("ADAPT_KEY", "/elsewhere")
	with, err := adapt(text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(without, with) {
		t.Errorf("the environment changed the result:\n%s\n%s", without, with)
	}
}

// FuzzAdapt: whatever stands in the blocks, the parsers end, and what they accept
// is JSON that Caddy can read again.
func FuzzAdapt(f *testing.F) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), "\n----------\n")
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		if strings.Contains(input, "import") {
			return // reads files
		}
		adapted, err := adapt(input)
		if err == nil && !json.Valid(adapted) {
			t.Errorf("adapted to %s", adapted)
		}
	})
}
