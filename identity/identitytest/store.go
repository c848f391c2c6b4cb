package identitytest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Store keeps identities, and log-ins that continue at a third party.
type Store interface {
	identity.Store
	identity.Attempts
}

// NewStore makes an empty store that reads the time from clock and sends every
// command through faults.
type NewStore func(t *testing.T, clock *Clock, faults *Faults) Store

// RunStore runs the contracts of identity.Store and identity.Attempts against a
// store, one sub-test per sentence of them.
func RunStore(t *testing.T, newStore NewStore) { runStore(t, newStore, "") }

// RunStoreFaults runs those about a command that fails, or a reply that gets lost.
func RunStoreFaults(t *testing.T, newStore NewStore) { runStore(t, newStore, "Fault") }

func runStore(t *testing.T, newStore NewStore, prefix string) {
	for name, test := range map[string]map[string]func(*storeTest){
		"Identity":          identityTests,
		"Find":              findTests,
		"Create":            createTests,
		"ReplaceCredential": replaceTests,
		"Link":              linkTests,
		"Unlink":            unlinkTests,
		"ByActor":           actorTests,
		"SetBackend":        backendTests,
		"Reset":             resetTests,
		"FinishReset":       finishTests,
		"Fault":             faultTests,
		"Fault of Create":   createFaultTests,

		"FinishReset that drops":          dropTests,
		"Fault of FinishReset that drops": dropFaultTests,

		"AddProvider":             addTests,
		"RemoveProvider":          removeTests,
		"Fault of AddProvider":    addFaultTests,
		"Fault of RemoveProvider": removeFaultTests,
		"DeleteBare":              bareTests,
		"Fault of DeleteBare":     bareFaultTests,
		"Revoke":                  revokeTests,
		"Fault of Revoke":         revokeFaultTests,
		"Attempts":                attemptTests,
		"Fault of Attempts":       attemptFaultTests,
	} {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, test := range test {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(newStoreTest(t, newStore))
				})
			}
		})
	}
}

// storeTest is one test on one store.
type storeTest struct {
	*testing.T
	Store
	clock  *Clock
	faults *Faults
	new    NewStore
}

func newStoreTest(t *testing.T, newStore NewStore) *storeTest {
	clock, faults := NewClock(), NewFaults()
	return &storeTest{T: t, Store: newStore(t, clock, faults), clock: clock, faults: faults, new: newStore}
}

// again returns the same test on another empty store.
func (t *storeTest) again() *storeTest { return newStoreTest(t.T, t.new) }

// want fails the test unless err is that error; nil is one. What was not known
// is not an answer, whatever its cause.
func (t *storeTest) want(want, err error, what string) {
	t.Helper()
	if !errors.Is(err, want) || identity.CodeOf(err) == identity.CodeUnavailable {
		t.Fatalf("%s: got %v, want %v", what, err, want)
	}
}

// nilOrUnavailable fails the test if err is an answer: something failed, so the
// store may know that it is done, but nothing else.
func (t *storeTest) nilOrUnavailable(err error, what string) {
	t.Helper()
	if err != nil && identity.CodeOf(err) != identity.CodeUnavailable {
		t.Fatalf("%s: got %v, want nil or %s", what, err, identity.CodeUnavailable)
	}
}

// person returns an identity with one provider, emailpass, and that key.
func (t *storeTest) person(n int, key string) *identity.Identity {
	now := t.clock.Now()
	return &identity.Identity{
		ID:        fmt.Sprintf("authid_01TEST%020d", n),
		Providers: map[string]identity.ProviderIdentity{"emailpass": t.entry("emailpass", key, fmt.Sprintf("hash %d", n))},
		CreatedAt: now, UpdatedAt: now,
	}
}

func (t *storeTest) entry(provider, key, credential string) identity.ProviderIdentity {
	return identity.ProviderIdentity{
		Provider: provider, EntityID: strings.ToUpper(key), Key: key,
		Credential: identity.NewSecret(credential), UpdatedAt: t.clock.Now(),
	}
}

// create stores identities and returns the first.
func (t *storeTest) create(identities ...*identity.Identity) *identity.Identity {
	t.Helper()
	for _, i := range identities {
		t.want(nil, t.Create(t.Context(), i), "creating "+i.ID)
	}
	return identities[0]
}

// get returns a stored identity.
func (t *storeTest) get(id string) *identity.Identity {
	t.Helper()
	i, err := t.Identity(t.Context(), id)
	t.want(nil, err, "reading "+id)
	return i
}

// holds fails the test unless that identity, "" for none, is found by the key.
func (t *storeTest) holds(id, key string) {
	t.Helper()
	i, err := t.Find(t.Context(), "emailpass", key)
	if id == "" {
		t.want(identity.ErrNotFound, err, "finding "+key)
		return
	}
	t.want(nil, err, "finding "+key)
	if i.ID != id {
		t.Fatalf("%s finds %s, want %s", key, i.ID, id)
	}
}

// nextSecond is the ValidFrom that ends everything until now.
func (t *storeTest) nextSecond() time.Time {
	return t.clock.Now().Truncate(time.Second).Add(time.Second)
}

// parallel runs f n times at once and returns the errors.
func (t *storeTest) parallel(n int, f func(n int) error) []error {
	errs, start, done := make([]error, n), make(chan struct{}), make(chan struct{})
	for i := range n {
		go func() {
			<-start
			errs[i] = f(i)
			done <- struct{}{}
		}()
	}
	close(start)
	for range n {
		<-done
	}
	return errs
}

// oneSucceeds fails the test unless one error is nil and all others are want.
// It returns the number of the one.
func (t *storeTest) oneSucceeds(errs []error, want error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("both %d and %d succeeded", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, want) || identity.CodeOf(err) == identity.CodeUnavailable:
			t.Fatalf("%d: got %v, want %v", i, err, want)
		}
	}
	if winner < 0 {
		t.Fatal("none succeeded")
	}
	return winner
}

// hash returns something that looks like the hash of a reset.
func hash(n int) string {
	return strings.Repeat(hex.EncodeToString([]byte{byte(n)}), 32)
}

// StoreCalls returns a call of every method of the store, by name.
func StoreCalls(s Store) map[string]func(ctx context.Context) error {
	const id = "authid_01TEST00000000000000000000"
	entry := identity.ProviderIdentity{Provider: "emailpass", EntityID: "a@shop.example", Key: "a@shop.example"}
	soon := time.Now().Add(time.Hour)
	return map[string]func(ctx context.Context) error{
		"Identity": func(ctx context.Context) error { _, err := s.Identity(ctx, id); return err },
		"Find":     func(ctx context.Context) error { _, err := s.Find(ctx, "emailpass", entry.Key); return err },
		"ByActor":  func(ctx context.Context) error { _, err := s.ByActor(ctx, "customer", "cus_1"); return err },
		"Create": func(ctx context.Context) error {
			return s.Create(ctx, &identity.Identity{ID: id, Providers: map[string]identity.ProviderIdentity{"emailpass": entry}})
		},
		"ReplaceCredential": func(ctx context.Context) error { return s.ReplaceCredential(ctx, id, entry, entry) },
		"Holders":           func(ctx context.Context) error { _, err := s.Holders(ctx, "customer", "cus_1"); return err },
		"Revoke":            func(ctx context.Context) error { return s.Revoke(ctx, id, soon) },
		"Keep":              func(ctx context.Context) error { _, err := s.Keep(ctx, id, soon, anytime); return err },
		"RevokeOthers":      func(ctx context.Context) error { return s.RevokeOthers(ctx, id, soon) },
		"Link":              func(ctx context.Context) error { return s.Link(ctx, id, "customer", "cus_1") },
		"Unlink":            func(ctx context.Context) error { _, err := s.Unlink(ctx, "customer", "cus_1", soon); return err },
		"SetBackend":        func(ctx context.Context) error { return s.SetBackend(ctx, id, "", "authid_there") },
		"OpenReset": func(ctx context.Context) error {
			return s.OpenReset(ctx, id, "emailpass", identity.Reset{Hash: hash(1), AskedAt: time.Now(), ExpiresAt: soon})
		},
		"CheckReset":  func(ctx context.Context) error { return s.CheckReset(ctx, id, "emailpass", hash(1)) },
		"CloseReset":  func(ctx context.Context) error { return s.CloseReset(ctx, id, "emailpass", hash(1)) },
		"FinishReset": func(ctx context.Context) error { return s.FinishReset(ctx, id, hash(1), entry, soon, nil) },
		"AddProvider": func(ctx context.Context) error { return s.AddProvider(ctx, id, entry, anytime) },
		"RemoveProvider": func(ctx context.Context) error {
			return s.RemoveProvider(ctx, id, "emailpass", soon)
		},
		"DeleteBare": func(ctx context.Context) error { return s.DeleteBare(ctx, id, "emailpass") },
		"KeepAttempt": func(ctx context.Context) error {
			return s.KeepAttempt(ctx, hash(1), identity.Attempt{Provider: "google", ExpiresAt: soon})
		},
		"TakeAttempt": func(ctx context.Context) error { _, err := s.TakeAttempt(ctx, hash(1)); return err },
	}
}
