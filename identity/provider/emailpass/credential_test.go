package emailpass_test

import (
	"errors"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
)

func TestDescription(t *testing.T) {
	t.Parallel()
	var p identity.Provider = emailpass.New(new(hasher), nil)
	if p.DisplayName() != "Email/Password Authentication" || p.Flow() != identity.FlowCredentials {
		t.Errorf("%q, %q", p.DisplayName(), p.Flow())
	}
	if _, ok := p.(identity.Registrar); !ok {
		t.Error("nobody can register")
	}
	if _, ok := p.(identity.CredentialUpdater); !ok {
		t.Error("nobody can get a new password")
	}
	if _, ok := p.(identity.Redirector); ok {
		t.Error("redirects")
	}
}

// (reference medusa-v2, section 9)
func TestNewCredential(t *testing.T) {
	t.Parallel()
	h := new(hasher)
	p := emailpass.New(h, nil)
	for name, password := range map[string]any{"none": nil, "empty": "", "a number": 5.0, "an array": []any{"secret"}, "an object": map[string]any{}} {
		if _, err := p.NewCredential(t.Context(), input("evil@example.com", password)); !errors.Is(err, identity.ErrNoCredential) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, test := range badPasswords {
		_, err := p.NewCredential(t.Context(), input("evil@example.com", test.password))
		if answer(err) != test.register || errors.Is(err, identity.ErrNoCredential) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h.work() != 0 {
		t.Errorf("%d hashes", h.work())
	}
	got, err := p.NewCredential(t.Context(), input(nil, "secret"))
	if err != nil || got != identity.NewSecret("new:secret") {
		t.Errorf("%q, %v", got.Reveal(), err)
	}
}
