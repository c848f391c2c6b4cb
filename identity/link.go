package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Link records that the identity acts as that actor of the backend from now on.
// Its old tokens stay without actor; a refresh or a login gives one with it.
func (s *Service) Link(ctx context.Context, id, actorType, actorID string) error {
	if !ValidName(actorType) || !validActorID(actorID) {
		return &Error{Code: CodeInvalid, Reason: "link_invalid_actor", Message: "The backend named no usable actor"}
	}
	if err := s.Store.Link(ctx, id, actorType, actorID); err != nil {
		return fmt.Errorf("linking an actor of type %s: %w", actorType, err)
	}
	return nil
}

// Unlink forgets an actor that the backend deleted and ends the credentials of
// the identities that had it. It is no error if none had it.
func (s *Service) Unlink(ctx context.Context, actorType, actorID string) error {
	if !ValidName(actorType) || !validActorID(actorID) {
		return nil
	}
	ids, err := s.Store.Unlink(ctx, actorType, actorID, s.nextValidFrom(time.Time{}))
	for _, id := range ids {
		s.Revoked(id)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unlinking an actor of type %s: %w", actorType, err)
	}
	return nil
}

// validActorID: printable ASCII without spaces, so that it can be a header value.
func validActorID(id string) bool {
	if id == "" || len(id) > 256 {
		return false
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
