package emailpass_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestRehash(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.importIdentity(t, "authid_old", "Old@example.com", "old:secret")
	if _, err := s.login(t, "Old@example.com", "wrong"); err == nil {
		t.Fatal("logged in with a wrong password")
	}
	if own := s.stored(t, "authid_old"); own.Credential.Reveal() != "old:secret" {
		t.Fatalf("a wrong password changed the hash to %q", own.Credential.Reveal())
	}
	for range 2 {
		if id, err := s.login(t, "Old@example.com", "secret"); err != nil || id != "authid_old" {
			t.Fatal(id, err)
		}
	}
	own := s.stored(t, "authid_old")
	if own.Credential.Reveal() != "new:secret" || own.EntityID != "Old@example.com" || own.Key != "Old@example.com" || own.UpdatedAt.IsZero() {
		t.Errorf("stored %+v with %q", own, own.Credential.Reveal())
	}
	if s.hasher.hashes != 1 {
		t.Errorf("hashed %d times, want once", s.hasher.hashes)
	}
	if s.log.String() != "" {
		t.Errorf("logged: %s", s.log)
	}
}

// Registering again is a login in disguise, but changes nothing.
func TestRegisterDoesNotRehash(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.importIdentity(t, "authid_old", "Old@example.com", "old:secret")
	if _, err := s.register(t, "Old@example.com", "secret"); err != nil {
		t.Fatal(err)
	}
	if s.hasher.hashes != 0 {
		t.Error("hashed")
	}
}

// The login does not depend on it.
func TestRehashFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		hash   error
		store  error
		reason string // "": nothing is logged
	}{
		{"queue full", errFull, nil, "hash_queue_full"},
		{"no randomness", errors.New("no randomness"), nil, "internal"},
		{"store down", nil, identity.Unavailable("store_refused", errors.New("connection refused")), "store_refused"},
		{"identity gone", nil, identity.ErrNotFound, "internal"},
		{"another login was quicker", nil, identity.ErrStale, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.importIdentity(t, "authid_old", "old@example.com", "old:secret")
			s.hasher.setFail(func(operation string) error {
				if operation == "hash" {
					return test.hash
				}
				return nil
			})
			s.store.fail = func(method string) error {
				if method == "ReplaceCredential" {
					return test.store
				}
				return nil
			}
			if id, err := s.login(t, "old@example.com", "secret"); err != nil || id != "authid_old" {
				t.Errorf("identity %q, error %v", id, err)
			}
			if own := s.stored(t, "authid_old"); own.Credential.Reveal() != "old:secret" {
				t.Errorf("stored %q", own.Credential.Reveal())
			}
			log := s.log.String()
			if test.reason == "" && log != "" ||
				test.reason != "" && !strings.Contains(log, "level=WARN msg=\"password was not rehashed\" reason="+test.reason+" auth_identity_id=authid_old") {
				t.Errorf("logged: %s", log)
			}
			if strings.Contains(log, "secret") || strings.Contains(log, "example.com") {
				t.Errorf("the log shows too much: %s", log)
			}
		})
	}
}

// A password that was changed while somebody logged in with the old one stays
// changed.
func TestRehashAfterAChange(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.importIdentity(t, "authid_old", "old@example.com", "old:secret")
	s.hasher.setFail(func(operation string) error {
		if operation == "hash" {
			own := s.stored(t, "authid_old")
			next := own
			next.Credential = identity.NewSecret("new:changed")
			return s.store.Store.ReplaceCredential(t.Context(), "authid_old", own, next)
		}
		return nil
	})
	if _, err := s.login(t, "old@example.com", "secret"); err != nil {
		t.Fatal(err)
	}
	if got := s.stored(t, "authid_old").Credential.Reveal(); got != "new:changed" {
		t.Errorf("stored %q", got)
	}
	if s.log.String() != "" {
		t.Errorf("logged: %s", s.log)
	}
}
