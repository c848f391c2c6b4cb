// Package identitytest gives tests the real things that the packages around it
// talk to, each for one test and gone with it: a redis-server that can be
// stopped, paused and restarted (alone, as a cluster or behind sentinels), a relay
// on the way to it, other programs, free ports; and stand-ins for what cannot be had:
// the Medusas, third parties, a clock.
//
// RunStore, RunSessions, RunSessionLists and RunLimits are the contracts of what is
// stored, as tests; every implementation must pass them.
package identitytest
