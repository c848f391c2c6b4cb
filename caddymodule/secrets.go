package caddymodule

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// resolveSecret expands the placeholders of a secret. What names it says which
// option is meant. A placeholder without value is an error, never an empty
// secret; the resolved text is kept out of every exported field.
func resolveSecret(what, value string) (identity.Secret, error) {
	resolved, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	if err != nil {
		return identity.Secret{}, fmt.Errorf("%s: %w (set the variable or the file; a literal { in a secret is written \\{)", what, err)
	}
	if resolved == "" {
		return identity.Secret{}, fmt.Errorf("%s is empty: name a placeholder such as {env.JWT_SECRET} or {file./run/secrets/jwt}", what)
	}
	return identity.NewSecret(resolved), nil
}

// isPlaceholder reports whether the value comes from outside the configuration.
// A literal secret ends up in the adapted and the saved configuration.
func isPlaceholder(value string) bool {
	return strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}")
}
