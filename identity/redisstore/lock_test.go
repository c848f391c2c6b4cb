//go:build unix

package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// One holds a lock at a time, on all nodes; it ends by itself, and nobody gives
// back what another has taken since.
func TestLock(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	node := func() *redisstore.Store {
		s, err := redisstore.New(newClient(t, r.URL()), redisstore.Options{Timeout: patient})
		must(t, err)
		return s
	}
	one, two := node(), node()
	release, err := one.Lock(t.Context(), "a", time.Minute)
	must(t, err)
	for _, s := range []*redisstore.Store{one, two} {
		if _, err := s.Lock(t.Context(), "a", time.Minute); !errors.Is(err, identity.ErrExists) {
			t.Errorf("taken twice: %v", err)
		}
	}
	other, err := two.Lock(t.Context(), "b", time.Minute)
	must(t, err)
	other()
	release()
	short, err := two.Lock(t.Context(), "a", time.Millisecond)
	must(t, err)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if release, err = one.Lock(t.Context(), "a", time.Minute); err == nil {
			break
		}
		if !errors.Is(err, identity.ErrExists) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	short() // too late
	if _, err := two.Lock(t.Context(), "a", time.Minute); !errors.Is(err, identity.ErrExists) {
		t.Errorf("given back by somebody else: %v", err)
	}
	release()
	if _, err := one.Lock(t.Context(), "a", 0); err == nil {
		t.Error("a lock without end")
	}
}

// What a check of a credential needs is read in one question.
func TestStateNamesTheBackendsID(t *testing.T) {
	t.Parallel()
	s := newStore(t, newEmbedded(t), time.Now)
	entry := identity.ProviderIdentity{Provider: "emailpass", EntityID: "a@shop.example", Key: "a@shop.example"}
	must(t, s.Create(t.Context(), &identity.Identity{ID: alice, Providers: map[string]identity.ProviderIdentity{"emailpass": entry}}))
	for _, want := range []string{"", "authid_there"} {
		if want != "" {
			must(t, s.SetBackend(t.Context(), alice, "", want))
		}
		state, err := s.State(t.Context(), alice)
		must(t, err)
		if state.BackendID != want {
			t.Errorf("known as %q, want %q", state.BackendID, want)
		}
	}
	if err := s.SetBackend(t.Context(), alice, "authid_there", "{x}"); identity.CodeOf(err) != identity.CodeInternal {
		t.Errorf("an id that is none: %v", err)
	}
}
