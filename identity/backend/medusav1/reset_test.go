package medusav1_test

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// forged is a reset token for nobody in particular, of another key.
func forged(t *testing.T, member string, life time.Duration) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		member: "cus_x", "exp": time.Now().Add(life).Unix(),
	}).SignedString([]byte("another key"))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// What cannot be a reset token is none, and Medusa is not asked of it.
func TestCheckReset(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	m.Customer(address, "cust0mer")
	if err := b.RequestReset(t.Context(), "customer", address); err != nil {
		t.Fatal(err)
	}
	_, good := m.Requested()
	for name, bad := range map[string]string{"garbage": "garbage", "expired": forged(t, "customer_id", -time.Minute), "of a user": forged(t, "user_id", time.Minute)} {
		if err := b.CheckReset("customer", bad); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.CheckReset("robot", good); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("a robot's: %v", err)
	}
	for _, plausible := range []string{good, forged(t, "customer_id", time.Minute)} {
		if err := b.CheckReset("customer", plausible); err != nil {
			t.Error(err)
		}
	}
	if n := m.Calls("POST /store/customers/password-reset"); n != 0 {
		t.Errorf("the backend was asked %d times", n)
	}
}

func TestResetOfTheBackend(t *testing.T) {
	t.Parallel()
	for actorType, register := range map[string]func(*identitytest.MedusaV1) string{
		"customer": func(m *identitytest.MedusaV1) string { return m.Customer(address, "old") },
		"user":     func(m *identitytest.MedusaV1) string { return m.User(address, "old") },
	} {
		t.Run(actorType, func(t *testing.T) {
			t.Parallel()
			m, b := start(t)
			id := register(m)
			for _, email := range []string{"nobody@example.com", address} {
				if err := b.RequestReset(t.Context(), actorType, email); err != nil {
					t.Fatal(err)
				}
			}
			_, good := m.Requested()
			for name, bad := range map[string]string{"garbage": "garbage", "another's": forged(t, actorType+"_id", time.Minute), "expired": forged(t, actorType+"_id", -time.Minute)} {
				if _, err := b.UseReset(t.Context(), actorType, bad, entry); !errors.Is(err, identity.ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
			person := must[identity.Person](t)(b.UseReset(t.Context(), actorType, good, entry))
			if person.ActorID != id || m.Account(id).Password != b.Password(entry).Reveal() {
				t.Errorf("%+v, %+v", person, m.Account(id))
			}
			if _, err := b.UseReset(t.Context(), actorType, good, entry); !errors.Is(err, identity.ErrNotFound) {
				t.Errorf("used twice: %v", err)
			}
		})
	}
}

// What may have been heard is not asked for again, or somebody gets mail after mail.
func TestRequestedResetIsUncertain(t *testing.T) {
	t.Parallel()
	for fault, uncertain := range map[identitytest.MedusaFault]bool{
		identitytest.MedusaFails: false, identitytest.MedusaLoses: true, identitytest.MedusaHangs: true,
	} {
		m, b := start(t)
		m.Customer(address, "cust0mer")
		m.Fault("", fault)
		err := b.RequestReset(t.Context(), "customer", address)
		if errors.Is(err, identity.ErrUncertain) != uncertain || identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: %v", fault, err)
		}
	}
	m, b := start(t)
	m.Server.Close()
	if err := b.RequestReset(t.Context(), "customer", address); errors.Is(err, identity.ErrUncertain) || identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("nobody listens: %v", err)
	}
}
