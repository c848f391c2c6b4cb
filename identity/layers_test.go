package identity_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/caddy-commerce/auth-sidecar"
	caddy  = "github.com/caddyserver/caddy/v2"
)

// Imports point one way only:
//
//	caddymodule -> identity/httpapi, identity/verify, identity/<adapters> -> identity
//
// All files are read, whatever system they are for. (docs/design.md, section 2)
func TestLayers(t *testing.T) {
	t.Parallel()
	const root = ".."
	files := 0
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && ignored(entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if reason := crossing(filepath.ToSlash(relative), imported); reason != "" {
				t.Errorf("%s imports %s: %s", relative, imported, reason)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Errorf("found only %d files", files)
	}
}

// ignored reports whether the go command leaves a folder out of ./...
func ignored(folder string) bool {
	return folder == "testdata" || folder == "node_modules" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_")
}

// crossing returns which rule it breaks that the file (its path in the
// repository) imports that package, or "" when it may.
func crossing(file, imported string) string {
	var (
		importer = path.Dir(file)
		isTest   = strings.HasSuffix(file, "_test.go")
		own, _   = strings.CutPrefix(imported, module+"/")
	)
	switch {
	case !within(importer, "caddymodule", "identity", "e2e"):
		return "packages are in caddymodule, identity and e2e"
	case within(imported, caddy) && !within(importer, "caddymodule"):
		return "only caddymodule imports Caddy"
	case within(own, "caddymodule") && within(importer, "identity"):
		return "identity does not know caddymodule"
	case within(own, "e2e") && !within(importer, "e2e"):
		return "nothing is built on e2e"
	case within(own, "identity/identitytest") && !isTest && !within(importer, "identity/identitytest", "e2e"):
		return "identitytest is for tests"
	case importer == "identity" && !isTest && strings.Contains(strings.Split(imported, "/")[0], "."):
		return "the domain imports the standard library alone"
	case importer == "identity" && !isTest && within(imported, "net/http"):
		return "the domain does not know HTTP"
	case within(own, "identity/httpapi") && within(importer, "identity") && importer != "identity" && !within(importer, "identity/httpapi"):
		return "the routes are above everything in identity"
	case within(own, "identity/verify") && within(importer, "identity") && importer != "identity" && !within(importer, "identity/httpapi", "identity/verify"):
		return "adapters are below verify"
	}
	return ""
}

// within reports whether a slash-separated path is one of the folders or below one.
func within(name string, folders ...string) bool {
	for _, folder := range folders {
		if rest, ok := strings.CutPrefix(name, folder); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

func TestCrossing(t *testing.T) {
	t.Parallel()
	const redis = "github.com/redis/go-redis/v9"
	for _, test := range []struct {
		file, imported string
		allowed        bool
	}{
		{"identity/service.go", "crypto/sha256", true},
		{"identity/service.go", "net/url", true},
		{"identity/service.go", "net/http", false},
		{"identity/service.go", "net/http/cookiejar", false},
		{"identity/service.go", redis, false},
		{"identity/service.go", "golang.org/x/text/unicode/norm", false},
		{"identity/service.go", module + "/identity/redisstore", false},
		{"identity/service.go", caddy, false},
		{"identity/service_test.go", module + "/identity/identitytest", true},
		{"identity/service_test.go", module + "/identity/redisstore", true},
		{"identity/service_test.go", module + "/caddymodule", false},
		{"identity/service_test.go", caddy + "/caddytest", false},

		{"identity/redisstore/store.go", redis, true},
		{"identity/redisstore/store.go", module + "/identity", true},
		{"identity/redisstore/store.go", module + "/identity/session", true},
		{"identity/redisstore/store.go", module + "/identity/verify", false},
		{"identity/redisstore/store.go", module + "/identity/httpapi", false},
		{"identity/redisstore/store.go", module + "/identity/identitytest", false},
		{"identity/redisstore/store.go", module + "/caddymodule", false},
		{"identity/redisstore/store.go", caddy + "/modules/caddyhttp", false},
		{"identity/redisstore/store_test.go", module + "/identity/identitytest", true},
		{"identity/redisstore/store_test.go", module + "/identity/httpapi", false},
		{"identity/provider/oidc/oidc.go", module + "/caddymodule/demo", false},

		{"identity/verify/verify.go", module + "/identity/token", true},
		{"identity/verify/verify.go", module + "/identity/verify/cache", true},
		{"identity/verify/verify.go", module + "/identity/httpapi", false},
		{"identity/httpapi/login.go", module + "/identity/verify", true},
		{"identity/httpapi/login.go", module + "/identity/redisstore", true},
		{"identity/httpapi/login.go", "net/http", true},
		{"identity/httpapi/login.go", caddy, false},
		{"identity/identitytest/clock.go", module + "/identity", true},
		{"identity/identitytest/clock.go", caddy, false},

		{"caddymodule/app.go", caddy, true},
		{"caddymodule/app.go", module + "/identity/httpapi", true},
		{"caddymodule/app.go", module + "/identity/identitytest", false},
		{"caddymodule/app.go", module + "/e2e", false},
		{"caddymodule/cmd/caddy/main.go", caddy + "/cmd", true},
		{"caddymodule/cmd/caddy/main.go", module + "/caddymodule", true},
		{"caddymodules/app.go", caddy, false},

		{"e2e/caddy.go", module + "/identity/identitytest", true},
		{"e2e/caddy_test.go", module + "/caddymodule/demo", true},
		{"e2e/caddy_test.go", caddy, false},

		{"internal/text/text.go", "strings", false},
		{"main.go", "fmt", false},
	} {
		if reason := crossing(test.file, test.imported); (reason == "") != test.allowed {
			t.Errorf("%s importing %s: got %q, allowed is %v", test.file, test.imported, reason, test.allowed)
		}
	}
}
