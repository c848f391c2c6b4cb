package identitytest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports given out lie below those that the kernel gives to outgoing
// connections, so a server that was stopped finds its port free again. Each is
// guarded by a listener guardOffset above it: unlike the port itself, which its
// server may share or leave for a while, the guard is held by one test only, in
// whichever process, and the kernel frees it however that process ends. Nothing
// is given out at 10000 above, where Redis puts its cluster bus.
const (
	firstPort   = 10000
	portCount   = 5000
	guardOffset = portCount
)

// FreePort returns a TCP port on 127.0.0.1 that no other test uses until this
// one and its sub-tests have ended.
func FreePort(t testing.TB) int {
	t.Helper()
	var last error
	for range portCount {
		port := firstPort + rand.IntN(portCount)
		guard, err := net.Listen("tcp4", loopback(port+guardOffset))
		if err != nil {
			last = err
			continue
		}
		// Asking by a connection, not by a listener: a child that is being forked
		// elsewhere would inherit that and keep the port bound for a moment.
		if conn, err := net.Dial("tcp4", loopback(port)); err == nil {
			_ = conn.Close()
			_ = guard.Close()
			last = errors.New("all ports are taken by other programs")
			continue
		}
		t.Cleanup(func() { _ = guard.Close() })
		return port
	}
	t.Fatalf("looking for a free port: %v", last)
	return 0
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
