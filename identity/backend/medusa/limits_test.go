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

// limitedFrom tries a password for old@example.com.
func limitedFrom(t *testing.T, b *medusa.Backend, client, password string) bool {
	t.Helper()
	_, err := b.Migrate(identity.WithClient(t.Context(), client), "customer", "old@example.com", password)
	limited := identity.ReasonOf(err) == "migration_limited"
	if err != nil && !limited && !errors.Is(err, identity.ErrNotFound) {
		t.Fatal(err)
	}
	return limited
}

// One address may be tried a few times, whoever tries; what a network is refused
// takes nothing from the others' share. So in a day at most 20 and 7,200 guesses.
func TestGuessesOfAnAddress(t *testing.T) {
	t.Parallel()
	m := identitytest.NewMedusa(t, secret)
	clock := identitytest.NewClock()
	b := newBackend(t, m.Server.URL, func(c *medusa.Config) { c.Clock, c.Timeout = clock.Now, time.Minute })
	m.Account("old@example.com", "hers", "")
	for n := range 20 { // one network
		if limited := limitedFrom(t, b, "192.0.2.1", "guess"); limited != (n >= 5) {
			t.Errorf("guess %d: limited is %v", n, limited)
		}
	}
	for n := range 30 { // many
		if limited := limitedFrom(t, b, fmt.Sprintf("198.51.100.%d", n), "guess"); limited != (n >= 15) {
			t.Errorf("network %d: limited is %v", n, limited)
		}
	}
	guesses := 0
	for n := range 60 { // a minute of networks that nobody has seen before
		clock.Forward(time.Second)
		if !limitedFrom(t, b, fmt.Sprintf("203.0.113.%d", n), "guess") {
			guesses++
		}
	}
	if guesses != 5 {
		t.Errorf("%d guesses in a minute, want 5", guesses)
	}
	clock.Forward(12 * time.Second)
	if limitedFrom(t, b, "", "hers") {
		t.Error("the owner is limited")
	}
}

// One client that guesses without end keeps itself from an address, and not its
// owner: neither with one address of its own nor with all that one site has.
func TestOwnerDuringAFlood(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(n int) string{
		"an address": func(int) string { return "192.0.2.66" },
		"a /64":      func(n int) string { return fmt.Sprintf("2001:db8::%x", n+1) },
		"a /48":      func(n int) string { return fmt.Sprintf("2001:db8:0:%x::1", n) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := identitytest.NewMedusa(t, secret)
			clock := identitytest.NewClock()
			b := newBackend(t, m.Server.URL, func(c *medusa.Config) { c.Clock, c.Timeout = clock.Now, time.Minute })
			m.Account("old@example.com", "hers", "")
			guesses := 0
			for second := range 1800 {
				if !limitedFrom(t, b, client(second), "guess") {
					guesses++
				}
				if second%61 == 60 && limitedFrom(t, b, "198.51.100.7", "hers") {
					t.Fatalf("the owner is refused after %d seconds", second)
				}
				clock.Forward(time.Second)
			}
			if guesses > 5+30 {
				t.Errorf("%d guesses in half an hour", guesses)
			}
		})
	}
}
