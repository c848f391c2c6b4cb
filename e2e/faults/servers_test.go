//go:build unix

package faults

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// tell says something to the server itself.
func (s *stand) tell(t testing.TB, command ...any) {
	t.Helper()
	if err := s.direct.Do(t.Context(), command...).Err(); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

// told is what a fault begins or ends with: one command to the server.
func told(command ...any) func(testing.TB, *stand) {
	return func(t testing.TB, s *stand) { s.tell(t, command...) }
}

// servers are the faults of the server itself. It has on its disk what it
// acknowledged.
func servers() map[string]fault {
	var blocked chan error // what a command that blocks the server has come to
	restarts := func(t testing.TB, s *stand) {
		s.redis.Restart()
		get("/mine", s.cold.bearer()...).until(t, s.maker.URL()) // it was cut off, too
	}
	all := map[string]fault{
		"kill -9": {quick: true, dead: true, begin: func(_ testing.TB, s *stand) { s.redis.Kill() }, end: restarts},
		"SHUTDOWN NOSAVE": {dead: true, end: restarts, begin: func(t testing.TB, s *stand) {
			_ = s.direct.Do(t.Context(), "SHUTDOWN", "NOSAVE").Err() // the connection ends
			<-s.redis.Done()
		}},
		"restart": {begin: func(t testing.TB, s *stand) { s.redis.Kill(); restarts(t, s) }, end: func(testing.TB, *stand) {}},
		"SIGSTOP": {dead: true, begin: func(_ testing.TB, s *stand) { s.redis.Pause() }, end: func(_ testing.TB, s *stand) { s.redis.Resume() }},
		"CLIENT PAUSE": { // it cannot be ended: that is a command too
			begin: told("CLIENT", "PAUSE", "4000", "ALL"), end: told("PING"),
		},
		"CLIENT PAUSE WRITE":  {begin: told("CLIENT", "PAUSE", "60000", "WRITE"), end: told("CLIENT", "UNPAUSE")},
		"CLIENT KILL":         {begin: told("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), end: func(testing.TB, *stand) {}},
		"SCRIPT FLUSH":        {harmless: true, begin: told("SCRIPT", "FLUSH"), end: func(testing.TB, *stand) {}},
		"maxmemory":           {begin: told("CONFIG", "SET", "maxmemory", "1"), end: told("CONFIG", "SET", "maxmemory", "0")},
		"no replicas":         {begin: told("CONFIG", "SET", "min-replicas-to-write", "1"), end: told("CONFIG", "SET", "min-replicas-to-write", "0")},
		"snapshots that fail": snapshotsFail(),
		"replica of nobody": {
			begin: told("REPLICAOF", "127.0.0.1", "1"), end: told("REPLICAOF", "NO", "ONE"),
		},
		"replica that knows nothing": {
			dead: true,
			begin: func(t testing.TB, s *stand) {
				s.tell(t, "CONFIG", "SET", "replica-serve-stale-data", "no")
				s.tell(t, "REPLICAOF", "127.0.0.1", "1")
			},
			end: told("REPLICAOF", "NO", "ONE"),
		},
		"password changed": {
			dead: true,
			begin: func(t testing.TB, s *stand) {
				s.tell(t, "CONFIG", "SET", "requirepass", "other") // who is connected stays so
				s.relay.Cut()
			},
			end: told("CONFIG", "SET", "requirepass", ""),
		},
		"user without commands": {
			dead:  true,
			begin: told("ACL", "SETUSER", "default", "-@all", "+acl"),
			end:   told("ACL", "SETUSER", "default", "+@all"),
		},
		"user without writes": {
			begin: told("ACL", "SETUSER", "default", "-@write", "-@scripting"), end: told("ACL", "SETUSER", "default", "+@all"),
		},
		"DEBUG SLEEP": {
			begin: func(t testing.TB, s *stand) {
				blocked = make(chan error, 1)
				sleeper := redis.NewClient(&redis.Options{Addr: s.redis.Addr(), ReadTimeout: -1})
				go func() {
					defer sleeper.Close()
					blocked <- sleeper.Do(context.Background(), "DEBUG", "SLEEP", "3").Err()
				}()
			},
			end: func(t testing.TB, _ *stand) {
				if err := <-blocked; err != nil {
					t.Error(err)
				}
			},
		},
		"a script without end": {
			dead: true,
			begin: func(t testing.TB, s *stand) {
				blocked = make(chan error, 1)
				looper := redis.NewClient(&redis.Options{Addr: s.redis.Addr(), ReadTimeout: -1})
				s.tell(t, "PING") // a busy server greets no new connection
				go func() {
					defer looper.Close()
					blocked <- looper.Eval(context.Background(), "while true do end", nil).Err()
				}()
				eventually(t, "the server is busy", func() bool {
					return redis.HasErrorPrefix(s.direct.Do(t.Context(), "PING").Err(), "BUSY")
				})
			},
			end: func(t testing.TB, s *stand) {
				s.tell(t, "SCRIPT", "KILL")
				if err := <-blocked; err == nil || !strings.Contains(err.Error(), "killed") {
					t.Errorf("the script ended with %v", err)
				}
			},
		},
	}
	return all
}
