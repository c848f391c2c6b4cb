package caddymodule_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
)

// Files are read as Caddy reads them.
func TestParseEnv(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		"":                                 {},
		"# a comment\n\nA=1\n  B = \n":     nil,
		"A=1\nexport B=2 # why\nC=\n":      {"A": "1", "B": "2", "C": ""},
		"A=b=c\nA=\"quoted\"\nB='too'":     {"A": "quoted", "B": "too"},
		"A=\"two\nlines\"\nB=3":            {"A": "two\nlines", "B": "3"},
		"A=\"a \\\"\nB\"":                  {"A": "a \"\nB"},
		"A= 1":                             nil,
		"no value":                         nil,
		"=1":                               nil,
		"A B=1":                            nil,
		"A='never closed\nsecret":          {"A": "never closed\nsecret"},
		"A={env.X}\nB=$A\r\nC=redis://x:y": {"A": "{env.X}", "B": "$A", "C": "redis://x:y"},
	} {
		got, err := caddymodule.ParseEnv(strings.NewReader(text))
		if (err == nil) != (want != nil) || want != nil && !maps.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParseEnv(f *testing.F) {
	for _, seed := range []string{"A=1", "A=\"\n", "A='", "export A=\\\"", "#", "=", "A=\"#\"\n\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		variables, err := caddymodule.ParseEnv(strings.NewReader(text))
		for key := range variables {
			if key == "" || err == nil && strings.ContainsAny(key, " =\n") {
				t.Errorf("%q makes %q", text, key)
			}
		}
	})
}

// The doctor finds in a file what is not in its environment, and what is there
// comes first.
func TestDoctorEnvFile(t *testing.T) {
	folder := t.TempDir()
	config, env := filepath.Join(folder, "Caddyfile"), filepath.Join(folder, "env")
	for name, text := range map[string]string{
		config: realm("redis {env.TEST_DOCTOR_URL}\n"+goodJWT+goodSession, "auth_sidecar"),
		env:    "TEST_DOCTOR_URL=redis://127.0.0.1:1\nTEST_JWT_SECRET=another\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (string, error) {
		command := caddymodule.DoctorCommand()
		var out bytes.Buffer
		command.SetOut(&out)
		command.SetErr(io.Discard)
		command.SetArgs(append([]string{"--config", config}, args...))
		err := command.Execute()
		return out.String(), err
	}
	if report, err := run(); err == nil || !strings.Contains(report, "{env.TEST_DOCTOR_URL} is empty") {
		t.Errorf("without the file: %v: %s", err, report)
	}
	if _, err := run("--envfile", filepath.Join(folder, "none")); err == nil {
		t.Error("a file that is not there is taken")
	}
	t.Cleanup(func() { _ = os.Unsetenv("TEST_DOCTOR_URL") })
	if report, err := run("--envfile", env); err == nil || !strings.Contains(report, "127.0.0.1:1") {
		t.Errorf("with the file: %v: %s", err, report)
	}
	if os.Getenv("TEST_JWT_SECRET") != jwtSecret {
		t.Error("the environment was overwritten")
	}
}
