package password

import "github.com/caddy-commerce/auth-sidecar/identity"

// CheckHash reports why a stored hash cannot be verified, without the work of it.
func CheckHash(stored identity.Secret) error {
	_, err := parse(stored.Reveal())
	return err
}
