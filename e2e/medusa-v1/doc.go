// Package medusav1 tests the sidecar in front of an unmodified Medusa v1, with
// PostgreSQL and Redis, as a shop runs them: asked by the official client, by a
// page of another origin in a browser, side by side with the same Medusa alone,
// and while parts of it fail. Run it with
//
//	make e2e-medusa-v1
//
// The first run installs, migrates and seeds; later ones start from what that
// left in the cache (e2e.CacheVariable). Everything is behind the build tag
// medusa, because Medusa takes long to install.
package medusav1
