package identity_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// shop is a backend that has a shadow of everybody, and says what the test wants
// of actors.
type shop struct {
	identity.Backend
	mu    sync.Mutex
	actor string
	err   error
}

// Shadow gives the same to everybody who comes by the same entry.
func (*shop) Shadow(_ context.Context, _ string, p identity.ProviderIdentity) (identity.Account, error) {
	return identity.Account{ID: "authid_" + p.Provider + strings.NewReplacer("@", "", ".", "").Replace(p.Key)}, nil
}

func (s *shop) Actor(context.Context, identity.Claims) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.actor, s.err
}

func (s *shop) says(actor string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.actor, s.err = actor, err
}

// comesAgain: the account is removed from Ann, and the backend knows whoever comes
// by it next by the id of the one that was absorbed. What that one had is dead.
func (r *realm) comesAgain(t *testing.T, ann, nobody identity.Claims) {
	t.Helper()
	if _, err := r.RemoveProvider(t.Context(), ann, "google"); err != nil {
		t.Fatal(err)
	}
	c, err := r.come(t, "google", "ann")
	if err != nil || c.IdentityID != nobody.IdentityID {
		t.Fatalf("%+v, %v", c, err)
	}
	_, err = r.Refresh(t.Context(), nobody)
	wantRefused(t, err, "unauthorized", "revoked")
	if _, err := r.Refresh(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// A backend may have made a customer of somebody who is nobody here, because its
// answer got lost.
func TestAbsorbBehind(t *testing.T) {
	t.Parallel()
	down := identity.Unavailable("backend_down", nil)
	for name, test := range map[string]struct {
		actor string
		err   error
		want  string
	}{
		"nobody there":            {"", nil, "ok"},
		"unknown there":           {"", identity.ErrNotFound, "ok"},
		"a customer there":        {"cus_2", nil, takenByAnother},
		"it cannot be known":      {"", down, unavailable},
		"what it says is not one": {"cus 2", nil, "invalid_data: The backend named no usable actor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			backend := new(shop)
			r.Service = r.WithBackend(identity.BackendConfig{Backend: backend, Logger: slog.New(slog.DiscardHandler)})
			ann, nobody := r.annTwice(t)
			r.forward(time.Second)
			backend.says(test.actor, test.err)
			_, err := r.link(t, ann.IdentityID, "google", "ann")
			wantAnswer(t, err, test.want)
			if test.want == "ok" {
				r.isGone(t, nobody.IdentityID)
				r.comesAgain(t, ann, nobody)
				return
			}
			i := r.identity(t, nobody.IdentityID)
			if _, has := i.Providers["google"]; !has || test.want == takenByAnother && i.ActorID("customer") != "cus_2" {
				t.Errorf("%+v", i)
			}
		})
	}
}
