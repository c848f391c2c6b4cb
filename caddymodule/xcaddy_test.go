package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// xcaddy.json has the JSON form of xcaddy's Builder, as far as it is used here.
type xcaddyBuilder struct {
	CaddyVersion string `json:"caddy_version"`
	Plugins      []struct {
		ModulePath string `json:"module_path"`
		Version    string `json:"version"`
	} `json:"plugins"`
}

// A build with xcaddy must get the Caddy that is tested here.
func TestXcaddyFileIsInStepWithGoMod(t *testing.T) {
	t.Parallel()
	mod := readGoMod(t)
	builder := readXcaddyFile(t)

	const caddy = "github.com/caddyserver/caddy/v2"
	var version string
	for _, require := range mod.Require {
		if require.Mod.Path == caddy {
			version = require.Mod.Version
		}
	}
	if version == "" {
		t.Fatalf("go.mod does not require %s", caddy)
	}
	if builder.CaddyVersion != version {
		t.Errorf("caddy_version is %s, go.mod has %s", builder.CaddyVersion, version)
	}

	if len(builder.Plugins) != 1 {
		t.Fatalf("got %d plugins, want this one alone", len(builder.Plugins))
	}
	plugin := builder.Plugins[0]
	if want := mod.Module.Mod.Path + "/caddymodule"; plugin.ModulePath != want {
		t.Errorf("module_path is %s, want %s", plugin.ModulePath, want)
	}
	if !semver.IsValid(plugin.Version) || semver.Canonical(plugin.Version) != plugin.Version {
		t.Errorf("version %q is not a full semantic version", plugin.Version)
	}
}

func readGoMod(t *testing.T) *modfile.File {
	t.Helper()
	data, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// readXcaddyFile refuses what xcaddy would ignore: a misspelt member.
func readXcaddyFile(t *testing.T) xcaddyBuilder {
	t.Helper()
	data, err := os.ReadFile("../xcaddy.json")
	if err != nil {
		t.Fatal(err)
	}
	var builder xcaddyBuilder
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&builder); err != nil {
		t.Fatalf("decoding xcaddy.json: %v", err)
	}
	if decoder.More() {
		t.Error("xcaddy.json holds more than one value")
	}
	return builder
}
