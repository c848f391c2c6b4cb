package caddymodule_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

var caddyfileBlock = regexp.MustCompile("(?sm)^( *)```caddyfile\n(.*?)^ *```")

// Whoever copies a Caddyfile of the documentation is not told by Caddy to format it.
func TestDocumentedCaddyfilesAreFormatted(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	check := func(where string, text []byte) {
		found++
		if formatted := caddyfile.Format(text); !bytes.Equal(formatted, text) {
			t.Errorf("%s: caddy fmt makes of\n%s\nthis:\n%s", where, text, formatted)
		}
	}
	for _, file := range append(documents, "../README.md", "../CHANGELOG.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range caddyfileBlock.FindAllSubmatch(text, -1) {
			text := append([]byte("\n"), block[2]...)
			text = bytes.ReplaceAll(text, append([]byte("\n"), block[1]...), []byte("\n")) // in a list it is indented
			check(file, text[1:])
		}
	}
	example, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	check("Caddyfile.example", example)
	if found < 10 {
		t.Errorf("found %d Caddyfiles", found)
	}
}
