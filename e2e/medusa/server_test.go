//go:build unix && medusa

package medusa

import (
	"path/filepath"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// shopOrigin is where the storefront is.
const shopOrigin = "http://localhost:8000"

// version is Medusa v2, which is built before it can run.
var version = e2e.MedusaVersion{
	Name: "medusa",
	Env:  []string{"STORE_CORS=" + shopOrigin, "ADMIN_CORS=" + shopOrigin, "AUTH_CORS=" + shopOrigin},
	Prepare: []func(dir string) e2e.NodeCommand{
		func(dir string) e2e.NodeCommand { return commandLine(dir, dir, "build") },
		func(dir string) e2e.NodeCommand { return commandLine(dir, built(dir), "db:migrate") },
	},
	Serve: func(dir, port string) e2e.NodeCommand {
		return commandLine(dir, built(dir), "start", "--host", "127.0.0.1", "--port", port)
	},
	Template: "1",
}

// built is where Medusa puts what it builds.
func built(dir string) string { return filepath.Join(dir, ".medusa", "server") }

// commandLine is Medusa's command line tool, run in a folder of its own.
func commandLine(dir, in string, args ...string) e2e.NodeCommand {
	return e2e.NodeCommand{Dir: in, Args: append([]string{filepath.Join(dir, "node_modules/@medusajs/cli/cli.js")}, args...)}
}

// medusa is a Medusa of its own for one test, with what it was seeded with.
type medusa struct {
	*e2e.Medusa
	seeds
}

// startMedusa starts Medusa on data as the seeds have left them.
func startMedusa(t *testing.T) *medusa {
	t.Helper()
	server, made := e2e.StartMedusa(t, version, func(empty *e2e.Medusa) seeds {
		return (&medusa{Medusa: empty}).seed(t)
	})
	return &medusa{server, made}
}
