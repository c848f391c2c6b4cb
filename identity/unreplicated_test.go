package identity_test

import (
	"context"
	"errors"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// unreplicated is a store whose replicas hear nothing any more: what must be safe
// cannot be said.
type unreplicated struct {
	identity.Store
	cut bool
}

func (s *unreplicated) said(ctx context.Context) error {
	if s.cut && identity.IsDurable(ctx) {
		return identity.Unavailable("write_not_replicated", errors.New("on no replica"))
	}
	return nil
}

func (s *unreplicated) CheckReset(ctx context.Context, id, provider, hash string) error {
	if err := s.said(ctx); err != nil {
		return err
	}
	return s.Store.CheckReset(ctx, id, provider, hash)
}

func (s *unreplicated) Create(ctx context.Context, i *identity.Identity) error {
	if err := s.said(ctx); err != nil {
		return err
	}
	return s.Store.Create(ctx, i)
}

// A refusal that rests on what a first try has done, which got 503, is said only when
// that is safe: whoever hears of it takes it for done.
func TestRefusedByWhatMayBeLost(t *testing.T) {
	t.Parallel()
	var store *unreplicated
	r := newRealm(t, func(c *identity.Config) {
		store = &unreplicated{Store: c.Store}
		c.Store = store
	})
	r.register(t, "ann@example.com", "secret")
	token := issue(t, r, ask(t, r, "ann@example.com"))
	again := map[string]func() error{
		"a used reset token": func() error {
			return r.Update(t.Context(), "customer", "emailpass", token, credentials("ann@example.com", "changed"))
		},
		"an address that is taken": func() error {
			_, _, err := r.SignUp(t.Context(), credentials("bea@example.com", "secret"), nil)
			return err
		},
	}
	for name, try := range again {
		store.cut = false
		wantAnswer(t, try(), "ok")
		if err := try(); err == nil || identity.CodeOf(err) == identity.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		store.cut = true
		if err := try(); identity.ReasonOf(err) != "write_not_replicated" {
			t.Errorf("%s that may be lost: %v", name, err)
		}
	}
}
