//go:build unix && medusa

package medusav1

import (
	"path/filepath"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// shopOrigin is where the storefront is, and adminOrigin where the dashboard is.
const (
	shopOrigin  = "http://localhost:8000"
	adminOrigin = "http://localhost:7001"
)

// version is Medusa v1.
var version = e2e.MedusaVersion{
	Name: "medusa-v1",
	// The page of the browser test has a port of its own at every run.
	Env: []string{"STORE_CORS=" + shopOrigin + `,/^http:\/\/127\.0\.0\.1:\d+$/`, "ADMIN_CORS=" + adminOrigin},
	Prepare: []func(dir string) e2e.NodeCommand{func(dir string) e2e.NodeCommand {
		return e2e.NodeCommand{Dir: dir, Args: []string{filepath.Join(dir, "node_modules/@medusajs/medusa-cli/cli.js"), "migrations", "run"}}
	}},
	Serve: func(dir, port string) e2e.NodeCommand {
		return e2e.NodeCommand{Dir: dir, Args: []string{filepath.Join(dir, "serve.js")}, Env: []string{"PORT=" + port}}
	},
	Template: "1",
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
