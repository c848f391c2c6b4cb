package identitytest_test

import (
	"errors"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// TestFaults: the second of three SETs fails, alone and in a pipeline. What is
// carried out and what is reported?
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		pipeline       bool
		stored, failed [3]bool
	}{
		{"command lost", false, [3]bool{true, false, true}, [3]bool{false, true, false}},
		{"reply lost", false, [3]bool{true, true, true}, [3]bool{false, true, false}},
		{"died before the command", false, [3]bool{true, false, false}, [3]bool{false, true, true}},
		{"died after the command", false, [3]bool{true, true, false}, [3]bool{false, true, true}},
		{"command lost", true, [3]bool{true, false, false}, [3]bool{true, true, true}},
		{"reply lost", true, [3]bool{true, true, false}, [3]bool{true, true, true}},
		{"died before the command", true, [3]bool{true, false, false}, [3]bool{true, true, true}},
		{"died after the command", true, [3]bool{true, true, false}, [3]bool{true, true, true}},
	} {
		server := miniredis.RunT(t)
		// One connection, for what another one sends first would count.
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), PipelinePoolSize: -1})
		defer client.Close()
		faults := identitytest.NewFaults()
		client.AddHook(faults)
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		keys := [3]string{"a", "b", "c"}
		var cmds [3]*redis.StatusCmd
		commands, trips := faults.Sent()
		faults.Arm(1, identitytest.AllFaults[test.name])
		if test.pipeline {
			_, _ = client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for n, key := range keys {
					cmds[n] = p.Set(t.Context(), key, "v", 0)
				}
				return nil
			})
		} else {
			for n, key := range keys {
				cmds[n] = client.Set(t.Context(), key, "v", 0)
			}
		}
		if !faults.Disarm() {
			t.Errorf("%s: nothing failed", test.name)
		}
		for n, key := range keys {
			if server.Exists(key) != test.stored[n] || errors.Is(cmds[n].Err(), identitytest.ErrFault) != test.failed[n] {
				t.Errorf("%s, pipeline %t: %s is stored: %t, error %v", test.name, test.pipeline, key, server.Exists(key), cmds[n].Err())
			}
		}
		wantTrips := 3
		if test.pipeline {
			wantTrips = 1
		}
		if c, n := faults.Sent(); c-commands != 3 || n-trips != wantTrips {
			t.Errorf("%s: sent %d commands in %d round trips", test.name, c-commands, n-trips)
		}
		if err := client.Set(t.Context(), "d", "v", 0).Err(); err != nil {
			t.Errorf("%s: after it was disarmed: %v", test.name, err)
		}
	}
}
