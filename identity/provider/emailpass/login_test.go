package emailpass_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

func TestLoginFields(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for name, test := range badFields {
		t.Run(name, func(t *testing.T) {
			_, err := s.login(t, test.email, test.password)
			wantAnswer(t, err, test.want)
		})
	}
	if n := s.hasher.work() + s.store.calls; n != 0 {
		t.Errorf("%d hashes and questions to the store", n)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.mustRegister(t, "Ann@Example.com", " secret ")
	for _, email := range []string{"Ann@Example.com", "ann@example.com", "ANN@EXAMPLE.COM", " ann@example.com "} {
		if got, err := s.login(t, email, " secret "); err != nil || got != id {
			t.Errorf("%q: identity %q, error %v", email, got, err)
		}
		for _, wrong := range []string{"secret", " secret", " Secret ", " secret  ", " "} {
			_, err := s.login(t, email, wrong)
			wantAnswer(t, err, mismatch)
		}
	}
}

// Nothing in answer or work tells an account that exists from one that does
// not. (attacks.md H1, H2)
func TestLoginTellsNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustRegister(t, "ann@example.com", "secret")
	s.importIdentity(t, "authid_old", "Old@example.com", "old:secret")
	s.importIdentity(t, "authid_odd", "not-an-email", "new:secret")
	s.importIdentity(t, "authid_none", "none@example.com", "")
	s.importIdentity(t, "authid_corrupt", "corrupt@example.com", "garbage")
	for name, email := range map[string]string{
		"known": "ann@example.com", "other case": "Ann@example.com", "imported": "Old@example.com", "odd": "not-an-email",
		"without password": "none@example.com", "corrupt hash": "corrupt@example.com",
		"unknown": "bob@example.com", "unknown, other case": "Bob@example.com", "unknown and odd": "no-email", "long": strings.Repeat("a", 5000),
	} {
		for _, wrong := range append([]string{"wrong", "x"}, badPasswordTexts()...) {
			before, calls := s.hasher.work(), s.store.calls
			_, err := s.login(t, email, wrong)
			wantAnswer(t, err, mismatch)
			wantWork := 1
			if password.Check(wrong) != nil {
				wantWork = 0 // for everybody
			}
			if n := s.hasher.work() - before; n != wantWork {
				t.Errorf("%s with %.10q: %d hashes, want %d", name, wrong, n, wantWork)
			}
			if n := s.store.calls - calls; n != wantWork {
				t.Errorf("%s with %.10q: %d questions to the store, want %d", name, wrong, n, wantWork)
			}
		}
	}
}

func badPasswordTexts() []string {
	var texts []string
	for _, bad := range badPasswords {
		texts = append(texts, bad.password)
	}
	return texts
}

// The log may tell what the client may not.
func TestLoginReasons(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustRegister(t, "ann@example.com", "secret")
	for email, want := range map[string]string{"ann@example.com": "password_mismatch", "bob@example.com": "account_unknown"} {
		if _, err := s.login(t, email, "wrong"); identity.ReasonOf(err) != want {
			t.Errorf("%s: reason %q, want %q", email, identity.ReasonOf(err), want)
		}
	}
}

// Imported addresses may differ by case alone: the exact spelling counts first,
// then the canonical one. (design.md section 5)
func TestLoginImported(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for id, email := range map[string]string{
		"authid_upper": "Ann@Example.com", "authid_lower": "ann@example.com", "authid_shout": "ANN@EXAMPLE.COM",
		"authid_space": " ann@example.com", "authid_odd": "not-an-email", "authid_long": strings.Repeat("a", 10_000), "authid_case": "Bob@example.com",
	} {
		s.importIdentity(t, id, email, "new:"+id)
	}
	for email, id := range map[string]string{
		"Ann@Example.com": "authid_upper", "ann@example.com": "authid_lower", "ANN@EXAMPLE.COM": "authid_shout", " ann@example.com": "authid_space",
		"aNN@example.com": "authid_lower", "  ann@example.com": "authid_lower",
		"not-an-email": "authid_odd", strings.Repeat("a", 10_000): "authid_long", "Bob@example.com": "authid_case",
	} {
		if got, err := s.login(t, email, id); err != nil || got != id {
			t.Errorf("%.30q: identity %q, error %v, want %q", email, got, err, id)
		}
		// Registering it again is Medusa's rule for that very identity.
		if got, err := s.register(t, email, id); err != nil || got != id {
			t.Errorf("register %.30q: identity %q, error %v, want %q", email, got, err, id)
		}
		_, err := s.register(t, email, "other")
		wantAnswer(t, err, exists)
	}
	for _, email := range []string{"Not-an-email", " not-an-email"} {
		_, err := s.login(t, email, "authid_odd")
		wantAnswer(t, err, mismatch)
		_, err = s.register(t, email, "authid_odd")
		wantAnswer(t, err, invalid)
	}
}

// A hash that cannot be read lets nobody in; the operator hears of it, and
// nobody reads the hash.
func TestLoginCorruptHash(t *testing.T) {
	t.Parallel()
	h, err := password.New(password.Config{Argon2Memory: 64, Argon2Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{log: new(identitytest.Log)}
	s.start(t, h)
	for n, corrupt := range []string{
		"garbage-hunter2", "$argon2id$v=19$m=64,t=1,p=1$hunter2", "$2b$31$hunter2", "c2NyeXB0hunter2", "$argon2id$v=19$m=4294967295,t=1,p=1$aHVudGVyMg$aHVudGVyMg",
	} {
		id, email := fmt.Sprintf("authid_%d", n), fmt.Sprintf("ann%d@example.com", n)
		s.importIdentity(t, id, email, corrupt)
		_, err := s.login(t, email, "secret")
		wantAnswer(t, err, mismatch)
		_, err = s.register(t, email, "secret")
		wantAnswer(t, err, exists)
		log := s.log.String()
		if !strings.Contains(log, "level=ERROR") || strings.Count(log, "reason=hash_unusable auth_identity_id="+id) != 2 {
			t.Errorf("%q: the log is %s", corrupt, log)
		}
		if strings.Contains(log, "hunter2") || strings.Contains(log, "aHVudGVyMg") || strings.Contains(log, email) || strings.Contains(log, "secret") {
			t.Errorf("%q: the log shows too much: %s", corrupt, log)
		}
	}
}

var errFull = identity.Unavailable("hash_queue_full", errors.New("queue of password hashes is full"))

// A full queue is no wrong password. (attacks.md G8)
func TestHashQueueFull(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustRegister(t, "ann@example.com", "secret")
	s.importIdentity(t, "authid_none", "none@example.com", "")
	s.hasher.setFail(func(string) error { return errFull })
	for _, email := range []string{"ann@example.com", "none@example.com", "bob@example.com"} {
		for name, do := range map[string]func() error{
			"login":    func() error { _, err := s.login(t, email, "secret"); return err },
			"register": func() error { _, err := s.register(t, email, "secret"); return err },
		} {
			err := do()
			wantAnswer(t, err, unavailable)
			if identity.ReasonOf(err) != "hash_queue_full" {
				t.Errorf("%s of %s: reason %q", name, email, identity.ReasonOf(err))
			}
		}
	}
	if s.log.String() != "" {
		t.Errorf("logged: %s", s.log)
	}
	s.hasher.setFail(nil)
	if _, err := s.login(t, "bob@example.com", "secret"); answer(err) != mismatch {
		t.Errorf("an identity was made without a hash: %v", err)
	}
}

// A store that cannot be asked is no wrong password. (attacks.md K1)
func TestStoreDown(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mustRegister(t, "ann@example.com", "secret")
	for _, method := range []string{"Find", "Create"} {
		s.store.fail = func(m string) error {
			if m == method {
				return identity.Unavailable("store_refused", errors.New("connection refused"))
			}
			return nil
		}
		_, err := s.register(t, "bob@example.com", "secret")
		wantAnswer(t, err, unavailable)
		if method == "Find" {
			for _, email := range []string{"ann@example.com", "bob@example.com"} {
				_, err := s.login(t, email, "secret")
				wantAnswer(t, err, unavailable)
			}
		}
	}
}
