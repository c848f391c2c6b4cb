// Package medusa tests the sidecar in front of an unmodified Medusa v2, with
// PostgreSQL and Redis, as a shop runs them: asked by the official SDK, by the
// admin dashboard in a browser, side by side with the same Medusa alone, and
// while parts of it fail. Run it with
//
//	make e2e-medusa
//
// The first run installs, builds, migrates and seeds; later ones start from what
// that left in the cache (e2e.CacheVariable). Everything is behind the build tag
// medusa, because Medusa takes long to install.
package medusa
