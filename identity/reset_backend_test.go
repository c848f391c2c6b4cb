package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
)

// particular makes no credential, for a reason of its own.
type particular struct {
	*emailpass.Provider
	asked int
}

var errParticular = &identity.Error{Code: identity.CodeInvalid, Reason: "particular", Message: "Invalid token"}

func (p *particular) NewCredential(context.Context, identity.Input) (identity.Secret, error) {
	p.asked++
	return identity.Secret{}, errParticular
}

// What a provider says about a password is not taken for a word on the token,
// however it is worded.
func TestUpdateTellsTokensByTheError(t *testing.T) {
	t.Parallel()
	p := new(particular)
	b := newBehindWith(t, true, func(real *emailpass.Provider) identity.Provider { p.Provider = real; return p })
	b.register("customer", "jane@example.com")
	n, err := b.IssueReset(t.Context(), identity.ResetRequest{
		ID: "1", Provider: "emailpass", ActorType: "customer", Identifier: "jane@example.com", AskedAt: time.Now(),
	})
	if err != nil || n == nil {
		t.Fatal(n, err)
	}
	err = b.Update(t.Context(), "customer", "emailpass", n.Token.Reveal(), identity.Input{})
	if identity.ReasonOf(err) != "particular" || p.asked != 1 {
		t.Errorf("%v after %d questions", err, p.asked)
	}
}
