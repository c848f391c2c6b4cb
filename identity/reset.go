package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrNoCredential: the input of a password change has no usable password.
var ErrNoCredential = errors.New("no credential in the input")

// errNoReset is in the chain of every error that says that a token opens no
// reset of ours; it may be one of the backend's own.
var errNoReset = errors.New("the token opens no reset")

var errInvalidToken = &Error{Code: CodeUnauthorized, Reason: "reset_token_invalid", Message: "Invalid token", Err: errNoReset}

// Bounds of a reset request in bytes, since requests wait in the store.
const (
	maxIdentifier    = 1 << 10
	maxResetMetadata = 4 << 10
)

// resetCooldown keeps strangers from flooding a mailbox, and from voiding the
// link in the latest mail before its owner has opened it.
const resetCooldown = time.Minute

// RequestReset accepts a request for a new password. It does not look whether
// the identifier is known: nil means that the request is stored, not that
// anybody will be told.
func (s *Service) RequestReset(ctx context.Context, actorType, provider, identifier string, metadata json.RawMessage) error {
	if _, err := s.provider(actorType, provider); err != nil {
		return err
	}
	if len(metadata) > maxResetMetadata {
		return &Error{Code: CodeInvalid, Reason: "reset_metadata_too_large", Message: fmt.Sprintf("Invalid request: Field 'metadata' may have %d bytes", maxResetMetadata)}
	}
	of := Subject{Client: ClientOf(ctx), Account: identifier}
	if g, ok := s.providers[provider].(Guessable); ok {
		of.Account = g.Account(identifier)
	}
	// A request as somebody whom the person is not sends nothing, so it must not use up
	// what their own requests need.
	of.Account = actorType + " " + of.Account
	if err := s.limit(ctx, of, BucketReset, BucketResetAccount); err != nil {
		return fmt.Errorf("asking for a new password: %w", err)
	}
	if len(identifier) > maxIdentifier {
		return nil // it names nobody, and the queue is no place for it
	}
	err := s.Resets.Enqueue(ctx, ResetRequest{
		ID: s.NewID(), Provider: provider, ActorType: actorType,
		Identifier: identifier, Metadata: metadata, AskedAt: s.Clock(),
	})
	if err != nil {
		return fmt.Errorf("queueing a password reset: %w", err)
	}
	return nil
}

// IssueReset opens the reset that r asked for and returns the notification to
// deliver, or nil when nobody is to be told: the identifier is unknown, the
// provider has no passwords, the request is too old or a later one came. It
// may be called any number of times for the same request: the token is the
// same every time, and is not revived once it was used.
func (s *Service) IssueReset(ctx context.Context, r ResetRequest) (*Notification, error) {
	expires := r.AskedAt.Add(s.ResetTTL)
	p, ok := s.providers[r.Provider].(CredentialUpdater)
	if !ok || !s.Clock().Before(expires) {
		return nil, nil
	}
	i, err := s.find(ctx, r.Provider, p, r.Identifier)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the identity of a reset: %w", err)
	}
	// Nobody becomes a member of staff by the way of customers (attack E5). An
	// identity that is both has one password, whichever way it is reset.
	if i.HasActor() && i.ActorID(r.ActorType) == "" {
		return nil, nil
	}
	jti := resetID(r.ID)
	err = s.Store.OpenReset(ctx, i.ID, r.Provider, Reset{Hash: resetHash(jti), AskedAt: r.AskedAt, ExpiresAt: expires, Cooldown: resetCooldown})
	if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening a reset: %w", err)
	}
	entity := i.Providers[r.Provider].EntityID
	token, err := s.Tokens.Reset(ResetClaims{
		EntityID: entity, Provider: r.Provider, ActorType: r.ActorType, Purpose: PurposeReset,
		IssuedAt: r.AskedAt.Unix(), ExpiresAt: expires.Unix(), ID: jti,
	})
	if err != nil {
		return nil, fmt.Errorf("minting a reset token: %w", err)
	}
	metadata := r.Metadata
	if len(metadata) == 0 {
		metadata = []byte("{}")
	}
	return &Notification{
		ID: r.ID, Name: PasswordReset, EntityID: entity, ActorType: r.ActorType, Provider: r.Provider,
		Token: token, Metadata: metadata, CreatedAt: r.AskedAt, ExpiresAt: expires,
	}, nil
}

// Update sets a new credential for the holder of a reset token. The token is
// used up even when the body has no password; what the body says about whose
// password it is counts for nothing (reference medusa-v2, section 9).
//
// With a backend its own reset tokens do as well.
func (s *Service) Update(ctx context.Context, actorType, provider, token string, in Input) error {
	if _, err := s.provider(actorType, provider); err != nil {
		return err
	}
	_, err := s.update(ctx, actorType, provider, token, in, nil)
	if s.backend == nil || !errors.Is(err, errNoReset) {
		return err
	}
	return s.updateByBackend(ctx, actorType, provider, token, in)
}

// update is Update by a token of ours. Unless may is nil, it says of whoever the
// token is good for whether anything may be done. The claims are what the change leaves: whose they
// are and when they were issued.
func (s *Service) update(ctx context.Context, actorType, provider, token string, in Input, may func(*Identity) error) (Claims, error) {
	c, err := s.Tokens.ParseReset(token)
	if err != nil {
		return Claims{}, &Error{Code: CodeUnauthorized, Reason: ReasonOf(err), Message: errInvalidToken.Message, Err: fmt.Errorf("%w: %w", errNoReset, err)}
	}
	p, ok := s.providers[c.Provider].(CredentialUpdater)
	if !ok || c.Provider != provider || c.ActorType != actorType {
		return Claims{}, errInvalidToken
	}
	i, err := s.find(ctx, provider, p, c.EntityID)
	if errors.Is(err, ErrNotFound) {
		return Claims{}, errInvalidToken
	}
	if err != nil {
		return Claims{}, fmt.Errorf("looking for the identity of a reset token: %w", err)
	}
	next := i.Providers[provider]
	if next.EntityID != c.EntityID {
		return Claims{}, errInvalidToken
	}
	hash := resetHash(c.ID)
	// Hashing costs much: a used token must not get that far.
	err = s.Store.CheckReset(ctx, i.ID, provider, hash)
	if errors.Is(err, ErrNotFound) {
		// What used it up may have been a first try, which got 503 since a failover would
		// undo it. Who is refused takes the new password for set.
		err = s.Store.CheckReset(Durable(ctx), i.ID, provider, hash)
	}
	if err := invalidIfGone(err); err != nil {
		return Claims{}, err
	}
	if may != nil {
		if err := may(i); err != nil {
			return Claims{}, err
		}
	}
	in.ActorType = actorType
	next.Credential, err = p.NewCredential(ctx, in)
	if errors.Is(err, ErrNoCredential) {
		if err := invalidIfGone(s.Store.CloseReset(ctx, i.ID, provider, hash)); err != nil {
			return Claims{}, err
		}
		return Claims{}, &Error{Code: CodeUnauthorized, Reason: "reset_without_password", Message: "Unauthorized", Err: err}
	}
	if err != nil {
		return Claims{}, fmt.Errorf("making the new credential: %w", err)
	}
	next.UpdatedAt = s.Clock()
	validFrom, err := s.finishReset(ctx, i, p, hash, next)
	if err != nil {
		return Claims{}, err
	}
	return Claims{IdentityID: i.ID, IssuedAt: validFrom.Unix()}, nil
}

func (s *Service) find(ctx context.Context, provider string, p CredentialUpdater, identifier string) (*Identity, error) {
	keys := p.Keys(identifier)
	if len(keys) == 0 {
		return nil, ErrNotFound
	}
	return s.Store.Find(ctx, provider, keys...)
}

func invalidIfGone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return errInvalidToken
	}
	if err != nil {
		return fmt.Errorf("asking for a reset: %w", err)
	}
	return nil
}

// resetID is the jti for a request: the same at every attempt, whichever secrets
// were rotated meanwhile, and in the form of a UUID, as Medusa's is. Knowing it
// is worth nothing without the key that signs tokens.
func resetID(requestID string) string {
	sum := sha256.Sum256([]byte("reset\x00" + requestID))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func resetHash(jti string) string {
	sum := sha256.Sum256([]byte(jti))
	return hex.EncodeToString(sum[:])
}
