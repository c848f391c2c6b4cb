// Package identitytest gives tests the real things that the packages around it
// talk to, each for one test and gone with it: a redis-server that can be
// stopped, paused and restarted, other programs, free ports.
//
// RunStore and RunSessions are the contracts of the stores as tests; every
// implementation must pass them.
package identitytest
