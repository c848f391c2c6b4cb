package caddymodule

import "time"

// SetDrainDelay changes how long connections outlive their last configuration.
// It must be called before any is made.
func SetDrainDelay(d time.Duration) { drainDelay = d }

// PooledConnections returns how many connections the realms hold together, and
// how often.
func PooledConnections() (connected, references int) {
	connections.Range(func(key, _ any) bool {
		n, _ := connections.References(key)
		connected, references = connected+1, references+n
		return true
	})
	return connected, references
}

// Doctor examines the realms of a configuration, and DoctorCommand is the command
// that does.
var (
	Doctor        = doctor
	DoctorCommand = doctorCommand
	ParseEnv      = parseEnv
)

// AdminRoutes are those of the admin endpoint.
var AdminRoutes = new(adminAPI).Routes
