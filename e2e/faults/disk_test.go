//go:build unix

package faults

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
)

// snapshotsFail is a server whose snapshots go into a folder that is gone, which
// keeps root from it as well: after one that failed it takes no writes (MISCONF),
// until one succeeds. Its append-only file stays where it is.
func snapshotsFail() fault {
	var folder string
	return fault{
		quick: true,
		begin: func(t testing.TB, s *stand) {
			folder = s.direct.ConfigGet(t.Context(), "dir").Val()["dir"]
			gone := filepath.Join(t.TempDir(), "gone")
			if err := os.Mkdir(gone, 0o700); err != nil {
				t.Fatal(err)
			}
			s.tell(t, "CONFIG", "SET", "dir", gone)
			if err := os.Remove(gone); err != nil {
				t.Fatal(err)
			}
			s.tell(t, "CONFIG", "SET", "save", "86400 1000000000") // it minds only if it is to make snapshots
			s.snapshot(t)
			eventually(t, "the server takes no writes", func() bool { return redis.HasErrorPrefix(s.tries(t), "MISCONF") })
		},
		end: func(t testing.TB, s *stand) {
			s.tell(t, "CONFIG", "SET", "dir", folder)
			s.snapshot(t)
			eventually(t, "the server takes writes", func() bool { return s.tries(t) == nil })
			s.tell(t, "CONFIG", "SET", "save", "")
		},
	}
}

// snapshot begins one, when the last has ended.
func (s *stand) snapshot(t testing.TB) {
	t.Helper()
	eventually(t, "a snapshot begins", func() bool { return s.direct.Do(t.Context(), "BGSAVE").Err() == nil })
}

// tries writes something to the server.
func (s *stand) tries(t testing.TB) error {
	return s.direct.Do(t.Context(), "SET", "tried", "1", "PX", "1").Err()
}
