package medusa_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// A client that tries unknown addresses without end keeps itself from moving
// over, and nobody else. What a client has is that of its whole network.
func TestFloodOfAClient(t *testing.T) {
	t.Parallel()
	m := identitytest.NewMedusa(t, secret)
	clock := identitytest.NewClock()
	b := newBackend(t, m.Server.URL, func(c *medusa.Config) { c.Clock, c.Timeout = clock.Now, time.Minute })
	try := func(client, address, password string) error {
		_, err := b.Migrate(identity.WithClient(t.Context(), client), "customer", address, password)
		return err
	}
	limited := func(err error) bool { return identity.ReasonOf(err) == "migration_limited" }
	refused := 0
	for n := range 200 { // from one household
		if err := try(fmt.Sprintf("2001:db8::%x", n+1), fmt.Sprintf("nobody%d@example.com", n), "x"); limited(err) {
			refused++
		} else if !errors.Is(err, identity.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if refused != 180 {
		t.Errorf("%d of 200 were refused", refused)
	}
	for n, client := range []string{"192.0.2.1", "::ffff:192.0.2.2", "2001:db8:0:1::1", "fe80::1%eth0", "a name", ""} {
		address := fmt.Sprintf("old%d@example.com", n)
		m.Account(address, "hers", "")
		if err := try(client, address, "hers"); err != nil {
			t.Errorf("%q cannot move over: %v", client, err)
		}
	}
	if err := try("2001:db8::1", "old0@example.com", "hers"); !limited(err) {
		t.Errorf("the flood goes on: %v", err)
	}
	clock.Forward(time.Second)
	for n, want := range []bool{false, false, true} {
		if err := try("2001:db8::1", "old0@example.com", "hers"); limited(err) != want {
			t.Errorf("attempt %d a second later: %v", n, err)
		}
	}
}

// One address may be tried a few times, whoever tries; what one client is refused
// takes nothing from it.
func TestGuessesOfAnAddress(t *testing.T) {
	t.Parallel()
	m := identitytest.NewMedusa(t, secret)
	clock := identitytest.NewClock()
	b := newBackend(t, m.Server.URL, func(c *medusa.Config) { c.Clock, c.Timeout = clock.Now, time.Minute })
	m.Account("old@example.com", "hers", "")
	for n := range 30 {
		client := identity.WithClient(t.Context(), fmt.Sprintf("192.0.2.%d", n))
		if _, err := b.Migrate(client, "customer", "old@example.com", "guess"); n >= 5 != (identity.ReasonOf(err) == "migration_limited") {
			t.Errorf("guess %d: %v", n, err)
		}
	}
	clock.Forward(12 * time.Second)
	if _, err := b.Migrate(t.Context(), "customer", "old@example.com", "hers"); err != nil {
		t.Errorf("the owner: %v", err)
	}
}
