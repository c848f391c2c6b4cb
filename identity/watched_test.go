package identity_test

import (
	"context"
	"sync"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// watched is a store whose calls are counted and can fail, before or after they
// took effect.
type watched struct {
	identity.Store
	identity.Attempts
	mu    sync.Mutex
	calls []string
	fail  map[string]error    // by method
	lost  bool                // the method takes effect and only its answer is lost
	after func(method string) // called when a method has succeeded
}

// fails lets the methods fail from now on.
func (s *watched) fails(err error, methods ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = map[string]error{}
	for _, m := range methods {
		s.fail[m] = err
	}
}

// called returns the calls since the last time.
func (s *watched) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *watched) call(method string, do func() error) error {
	s.mu.Lock()
	s.calls = append(s.calls, method)
	err, lost := s.fail[method], s.lost
	s.mu.Unlock()
	if err != nil && !lost {
		return err
	}
	answer := do()
	if answer == nil && err == nil && s.after != nil {
		s.after(method)
	}
	if err == nil {
		return answer
	}
	return err
}

func (s *watched) Identity(ctx context.Context, id string) (i *identity.Identity, err error) {
	err = s.call("Identity", func() (err error) { i, err = s.Store.Identity(ctx, id); return err })
	return i, err
}

func (s *watched) Find(ctx context.Context, provider string, keys ...string) (i *identity.Identity, err error) {
	err = s.call("Find", func() (err error) { i, err = s.Store.Find(ctx, provider, keys...); return err })
	return i, err
}

func (s *watched) Create(ctx context.Context, i *identity.Identity) error {
	return s.call("Create", func() error { return s.Store.Create(ctx, i) })
}

func (s *watched) ReplaceCredential(ctx context.Context, id string, old, next identity.ProviderIdentity) error {
	return s.call("ReplaceCredential", func() error { return s.Store.ReplaceCredential(ctx, id, old, next) })
}

func (s *watched) Link(ctx context.Context, id, actorType, actorID string) error {
	return s.call("Link", func() error { return s.Store.Link(ctx, id, actorType, actorID) })
}

func (s *watched) Unlink(ctx context.Context, actorType, actorID string, validFrom time.Time) (ids []string, err error) {
	err = s.call("Unlink", func() (err error) { ids, err = s.Store.Unlink(ctx, actorType, actorID, validFrom); return err })
	return ids, err
}

func (s *watched) Holders(ctx context.Context, actorType, actorID string) (ids []string, err error) {
	err = s.call("Holders", func() (err error) { ids, err = s.Store.Holders(ctx, actorType, actorID); return err })
	return ids, err
}

func (s *watched) Revoke(ctx context.Context, id string, validFrom time.Time) error {
	return s.call("Revoke", func() error { return s.Store.Revoke(ctx, id, validFrom) })
}

func (s *watched) Keep(ctx context.Context, id string, earliest, validFrom time.Time) (kept time.Time, err error) {
	err = s.call("Keep", func() (err error) { kept, err = s.Store.Keep(ctx, id, earliest, validFrom); return err })
	return kept, err
}

func (s *watched) RevokeOthers(ctx context.Context, id string, kept time.Time) error {
	return s.call("RevokeOthers", func() error { return s.Store.RevokeOthers(ctx, id, kept) })
}

func (s *watched) OpenReset(ctx context.Context, id, provider string, r identity.Reset) error {
	return s.call("OpenReset", func() error { return s.Store.OpenReset(ctx, id, provider, r) })
}

func (s *watched) CheckReset(ctx context.Context, id, provider, hash string) error {
	return s.call("CheckReset", func() error { return s.Store.CheckReset(ctx, id, provider, hash) })
}

func (s *watched) CloseReset(ctx context.Context, id, provider, hash string) error {
	return s.call("CloseReset", func() error { return s.Store.CloseReset(ctx, id, provider, hash) })
}

func (s *watched) FinishReset(ctx context.Context, id, hash string, next identity.ProviderIdentity, validFrom time.Time, drop func(identity.ProviderIdentity) bool) error {
	return s.call("FinishReset", func() error { return s.Store.FinishReset(ctx, id, hash, next, validFrom, drop) })
}

func (s *watched) AddProvider(ctx context.Context, id string, p identity.ProviderIdentity, validFrom time.Time) error {
	return s.call("AddProvider", func() error { return s.Store.AddProvider(ctx, id, p, validFrom) })
}

func (s *watched) RemoveProvider(ctx context.Context, id, provider string, validFrom time.Time) error {
	return s.call("RemoveProvider", func() error { return s.Store.RemoveProvider(ctx, id, provider, validFrom) })
}

func (s *watched) DeleteBare(ctx context.Context, id, provider string) error {
	return s.call("DeleteBare", func() error { return s.Store.DeleteBare(ctx, id, provider) })
}

func (s *watched) KeepAttempt(ctx context.Context, hash string, a identity.Attempt) error {
	return s.call("KeepAttempt", func() error { return s.Attempts.KeepAttempt(ctx, hash, a) })
}

func (s *watched) TakeAttempt(ctx context.Context, hash string) (a identity.Attempt, err error) {
	err = s.call("TakeAttempt", func() (err error) { a, err = s.Attempts.TakeAttempt(ctx, hash); return err })
	return a, err
}
