// Package emailpass is the provider of e-mail addresses and passwords, with the
// answers of Medusa's provider of the same name (reference medusa-v2, section
// 3). Unlike there, an address is one account whatever its case, and an
// unknown one costs the same work as a known one.
package emailpass

import (
	"context"
	"errors"
	"log/slog"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

// Hasher makes and checks password hashes; *password.Hasher is one.
type Hasher interface {
	Hash(ctx context.Context, password string) (identity.Secret, error)
	Verify(ctx context.Context, stored identity.Secret, password string) (bool, error)
	// VerifyNone does the work of a Verify for an account that does not exist.
	VerifyNone(ctx context.Context, password string) error
	// NeedsRehash reports that the stored hash is of another format or weaker
	// parameters than new ones.
	NeedsRehash(stored identity.Secret) bool
}

// Provider implements identity.Authenticator, identity.Registrar,
// identity.CredentialUpdater and identity.Guessable. It is safe for concurrent use.
type Provider struct {
	hasher Hasher
	logger *slog.Logger
}

// New makes a Provider. The logger is told what the client must not be.
func New(hasher Hasher, logger *slog.Logger) *Provider {
	return &Provider{hasher: hasher, logger: logger}
}

// DisplayName implements identity.Provider.
func (*Provider) DisplayName() string { return "Email/Password Authentication" }

// Flow implements identity.Provider.
func (*Provider) Flow() identity.Flow { return identity.FlowCredentials }

// Register makes an identity. Registering an address again is fine with the
// same password while no actor is linked, so an interrupted sign-up can be
// repeated.
func (p *Provider) Register(ctx context.Context, accounts identity.Accounts, in identity.Input) (*identity.Identity, error) {
	email, pass, err := fields(in)
	if err != nil {
		return nil, err
	}
	if err := password.Check(pass); err != nil {
		return nil, err
	}
	i, err := accounts.Find(ctx, p.Keys(email)...)
	if err == nil {
		return p.registerAgain(ctx, accounts, i, pass)
	}
	if !errors.Is(err, identity.ErrNotFound) {
		return nil, err
	}
	address, err := parseAddress(email)
	if err != nil {
		return nil, &identity.Error{Code: identity.CodeInvalid, Reason: "email_invalid", Message: "Invalid email address", Err: err}
	}
	hash, err := p.hasher.Hash(ctx, pass)
	if err != nil {
		return nil, err
	}
	i, err = accounts.Create(ctx, identity.ProviderIdentity{
		EntityID: address.typed, Key: address.canonical, Credential: hash,
	})
	if !errors.Is(err, identity.ErrExists) {
		return i, err
	}
	// Somebody was quicker; perhaps the same person pressed the button twice.
	i, err = accounts.Find(ctx, p.Keys(email)...)
	if errors.Is(err, identity.ErrNotFound) { // and deleted it again
		return nil, identity.Unavailable("identity_contended", err)
	}
	if err != nil {
		return nil, err
	}
	return p.registerAgain(ctx, accounts, i, pass)
}

func (p *Provider) registerAgain(ctx context.Context, accounts identity.Accounts, i *identity.Identity, pass string) (*identity.Identity, error) {
	same, err := p.matches(ctx, accounts, i, pass)
	if err != nil {
		return nil, err
	}
	if !same || i.HasActor() {
		return nil, &identity.Error{
			Code: identity.CodeUnauthorized, Reason: "identity_exists",
			Message: "Identity with email already exists",
		}
	}
	return i, nil
}

// Authenticate checks an address and a password.
func (p *Provider) Authenticate(ctx context.Context, accounts identity.Accounts, in identity.Input) (*identity.Identity, error) {
	email, pass, err := fields(in)
	if err != nil {
		return nil, err
	}
	refused := &identity.Error{
		Code: identity.CodeUnauthorized, Reason: "password_mismatch",
		Message: "Invalid email or password",
	}
	if err := password.Check(pass); err != nil {
		refused.Err = err // no account has such a password, known or not
		return nil, refused
	}
	keys := p.Keys(email)
	same := false
	i, err := accounts.Find(ctx, keys...)
	if err == nil {
		same, err = p.matches(ctx, accounts, i, pass)
	}
	// Of an address in another spelling the backend may have another account.
	other := err == nil && accounts.Own(i).Key != keys[0]
	if errors.Is(err, identity.ErrNotFound) || !same && other {
		moved, migrateErr := p.migrate(ctx, accounts, keys, email, pass)
		switch {
		case migrateErr == nil:
			return moved, nil
		case errors.Is(migrateErr, identity.ErrStale): // moved over by somebody beside us
			if i, err = accounts.Find(ctx, keys...); err == nil {
				same, err = p.matches(ctx, accounts, i, pass)
			}
		case !errors.Is(migrateErr, identity.ErrNotFound):
			return nil, migrateErr
		}
	}
	if errors.Is(err, identity.ErrNotFound) {
		if err := p.hasher.VerifyNone(ctx, pass); err != nil {
			return nil, err
		}
		refused.Reason = "account_unknown"
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, refused
	}
	p.rehash(ctx, accounts, i, pass)
	return i, nil
}

// Identifier implements identity.Guessable.
func (*Provider) Identifier(in identity.Input) (email string, ok bool) {
	email, _, err := fields(in)
	return email, err == nil
}

// migrate moves the account over that the backend has for the address, if the
// password opens it.
func (p *Provider) migrate(ctx context.Context, accounts identity.Accounts, keys []string, email, pass string) (*identity.Identity, error) {
	return accounts.Migrate(ctx, keys, email, pass, func() (identity.ProviderIdentity, error) {
		hash, err := p.hasher.Hash(ctx, pass)
		// The address is kept as it is: the backend knows it so, and may know others
		// of other spellings.
		return identity.ProviderIdentity{EntityID: email, Key: keys[0], Credential: hash}, err
	})
}

// matches compares a password with a stored hash. A hash that cannot be read
// matches nothing, and the operator hears of it.
func (p *Provider) matches(ctx context.Context, accounts identity.Accounts, i *identity.Identity, pass string) (bool, error) {
	stored := accounts.Own(i).Credential
	if stored.Empty() {
		return false, p.hasher.VerifyNone(ctx, pass)
	}
	same, err := p.hasher.Verify(ctx, stored, pass)
	if err != nil && identity.CodeOf(err) != identity.CodeUnavailable {
		p.logger.ErrorContext(ctx, "stored password hash is unusable",
			"reason", "hash_unusable", "auth_identity_id", i.ID, "error", err)
		return false, nil
	}
	return same, err
}

// rehash brings a hash up to the configured format while the password is known.
// The login does not depend on it: a full queue or a store that just went away
// leaves it to the next one.
func (p *Provider) rehash(ctx context.Context, accounts identity.Accounts, i *identity.Identity, pass string) {
	if !p.hasher.NeedsRehash(accounts.Own(i).Credential) {
		return
	}
	hash, err := p.hasher.Hash(ctx, pass)
	if err == nil {
		err = accounts.Replace(ctx, i, hash)
	}
	if err != nil && !errors.Is(err, identity.ErrStale) {
		p.logger.WarnContext(ctx, "password was not rehashed",
			"reason", identity.ReasonOf(err), "auth_identity_id", i.ID, "error", err)
	}
}

// NewCredential implements identity.CredentialUpdater.
func (p *Provider) NewCredential(ctx context.Context, in identity.Input) (identity.Secret, error) {
	pass, ok := in.Text("password")
	if !ok {
		return identity.Secret{}, identity.ErrNoCredential
	}
	if err := password.Check(pass); err != nil {
		return identity.Secret{}, err
	}
	return p.hasher.Hash(ctx, pass)
}

// fields reads the two members that register and login need, the password
// first, as Medusa does.
func fields(in identity.Input) (email, pass string, err error) {
	pass, ok := in.Text("password")
	if !ok {
		return "", "", &identity.Error{Code: identity.CodeUnauthorized, Reason: "password_missing", Message: "Password should be a string"}
	}
	email, ok = in.Text("email")
	if !ok {
		return "", "", &identity.Error{Code: identity.CodeUnauthorized, Reason: "email_missing", Message: "Email should be a string"}
	}
	return email, pass, nil
}
