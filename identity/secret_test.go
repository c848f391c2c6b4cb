package identity_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const hidden = "hunter2"

// holder has a secret in every way that a print can get at.
type holder struct {
	Exported   identity.Secret
	unexported identity.Secret
	pointer    *identity.Secret
	list       []identity.Secret
	byName     map[string]identity.Secret
	any        any
}

func newHolder() holder {
	s := identity.NewSecret(hidden)
	return holder{s, s, &s, []identity.Secret{s}, map[string]identity.Secret{"s": s}, s}
}

// Every verb, those too for which fmt reports a mistake and prints the operand
// by its own means. `%w` and `%p` are such.
func TestSecretVerbs(t *testing.T) {
	t.Parallel()
	secret := identity.NewSecret(hidden)
	for verb := rune('!'); verb <= '~'; verb++ {
		for _, flags := range []string{"", "+", "#", "-20", "020", " ", ".3"} {
			format := "%" + flags + string(verb)
			for name, operand := range map[string]any{
				"value": secret, "pointer": &secret, "list": []identity.Secret{secret}, "holder": newHolder(),
				"error": &identity.Error{Code: identity.CodeInternal, Err: fmt.Errorf("%v", secret)},
			} {
				for _, printed := range []string{fmt.Sprintf(format, operand), fmt.Errorf(format, operand).Error()} {
					if showsHidden(printed) {
						t.Errorf("%s of %s shows the text: %s", format, name, printed)
					}
				}
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%U", "%10s", "%z"} {
		if got := fmt.Sprintf(verb, secret); got != "[redacted]" {
			t.Errorf("%s prints %q", verb, got)
		}
		if got := fmt.Sprintf(verb, &secret); got != "[redacted]" {
			t.Errorf("%s of a pointer prints %q", verb, got)
		}
	}
}

// showsHidden finds the text in the forms that verbs give it, and in parts.
func showsHidden(printed string) bool {
	lower := strings.ToLower(printed)
	return strings.Contains(lower, hidden[:3]) || strings.Contains(lower, fmt.Sprintf("%x", hidden)[:6]) ||
		strings.Contains(lower, fmt.Sprint([]byte(hidden[:3]))[1:9])
}

func TestSecretEncodings(t *testing.T) {
	t.Parallel()
	secret := identity.NewSecret(hidden)
	p := identity.ProviderIdentity{Provider: "emailpass", EntityID: "a@example.com", Credential: secret}
	n := identity.Notification{Name: identity.PasswordReset, Token: secret}
	for name, value := range map[string]any{"secret": secret, "pointer": &secret, "provider identity": p, "notification": n, "holder": newHolder()} {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if showsHidden(string(encoded)) {
			t.Errorf("JSON of a %s shows the text: %s", name, encoded)
		}
		for _, log := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var out bytes.Buffer
			slog.New(log(&out)).Info("logged", "value", value, slog.Group("group", "value", value))
			if showsHidden(out.String()) {
				t.Errorf("a log line of a %s shows the text: %s", name, out.String())
			}
		}
	}
	for name, encode := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "XML": xml.Marshal} {
		encoded, err := encode(secret)
		if err != nil || !bytes.Contains(encoded, []byte("[redacted]")) {
			t.Errorf("%s of a secret is %s (%v)", name, encoded, err)
		}
	}
	if got := slog.AnyValue(secret).Resolve().String(); got != "[redacted]" {
		t.Errorf("slog resolves a secret to %q", got)
	}
	if got := secret.String(); got != "[redacted]" {
		t.Errorf("the text of a secret is %q", got)
	}
	if joined := errors.Join(fmt.Errorf("a: %v", secret), fmt.Errorf("b: %s", p.Credential)).Error(); showsHidden(joined) {
		t.Errorf("an error shows the text: %s", joined)
	}
}

func TestSecretComparison(t *testing.T) {
	t.Parallel()
	one, same, other := identity.NewSecret(hidden), identity.NewSecret(strings.Clone(hidden)), identity.NewSecret("other")
	if one != same {
		t.Error("secrets of the same text differ")
	}
	if one == other {
		t.Error("secrets of different texts are equal")
	}
	if one.Reveal() != hidden || one.Empty() {
		t.Errorf("reveals %q, empty: %v", one.Reveal(), one.Empty())
	}
	var zero identity.Secret
	for name, s := range map[string]identity.Secret{"zero": zero, "made of nothing": identity.NewSecret("")} {
		if s != zero || !s.Empty() || s.Reveal() != "" || s.String() != "[redacted]" {
			t.Errorf("%s: not the empty secret", name)
		}
	}
}
