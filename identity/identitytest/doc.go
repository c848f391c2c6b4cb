// Package identitytest gives tests the real things that the packages around it
// talk to, each for one test and gone with it: a redis-server that can be
// stopped, paused and restarted (alone, as a cluster or behind sentinels), a relay
// on the way to it, other programs, free ports; and stand-ins for what cannot be had:
// the Medusas, third parties, a clock.
//
// RunStore and RunSessions are the contracts of the stores as tests; every
// implementation must pass them.
package identitytest
