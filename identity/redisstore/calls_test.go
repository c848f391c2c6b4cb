//go:build unix

package redisstore_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// reads are the calls that change nothing.
var reads = map[string]bool{"Identity": true, "Find": true, "ByActor": true, "CheckReset": true, "Holders": true, "LoadSession": true, "State": true, "Recent": true, "ListedSessions": true}

// calls returns a call of every method, by name.
func calls(s *redisstore.Store) map[string]func(ctx context.Context) error {
	all := identitytest.StoreCalls(s)
	maps.Copy(all, identitytest.SessionCalls(s))
	maps.Copy(all, identitytest.LimitCalls(s))
	maps.Copy(all, identitytest.ListCalls(s, alice))
	all["MarkRecent"] = func(ctx context.Context) error { return s.MarkRecent(ctx, "token", time.Now(), time.Hour) }
	all["Recent"] = func(ctx context.Context) error { _, err := s.Recent(ctx, "token"); return err }
	all["State"] = func(ctx context.Context) error { _, err := s.State(ctx, alice); return err }
	return all
}

// allUnavailable fails the test unless every call, or every one that writes,
// says that it is not known, and why.
func allUnavailable(t *testing.T, s *redisstore.Store, writesOnly bool, reasons ...string) {
	t.Helper()
	for name, call := range calls(s) {
		if writesOnly && reads[name] {
			continue
		}
		err := call(t.Context())
		if identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: got %v, want %s", name, err, identity.CodeUnavailable)
			continue
		}
		known := false
		for _, reason := range reasons {
			known = known || identity.ReasonOf(err) == reason
		}
		if !known {
			t.Errorf("%s: reason %s of %v, want one of %q", name, identity.ReasonOf(err), err, reasons)
		}
	}
}
