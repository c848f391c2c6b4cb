package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func (v *Verifier) bearer(r *http.Request, result *Result) error {
	raw, ok := BearerToken(r.Header)
	if !ok {
		result.Refused = "authorization_malformed"
		return nil
	}
	caller, until, err := v.verifyBearer(r.Context(), raw)
	switch identity.CodeOf(err) {
	case "":
		result.Callers = append(result.Callers, caller)
		result.believe(until)
	case identity.CodeUnauthorized:
		result.Refused = identity.ReasonOf(err)
	default:
		return err
	}
	return nil
}

// VerifyBearer returns the claims of an access token that is genuine, not
// expired, not revoked, and of an identity that the store holds. The claims
// must not be changed. With identity.Durable what is cached refuses nobody.
func (v *Verifier) VerifyBearer(ctx context.Context, raw string) (*identity.Claims, error) {
	caller, _, err := v.verifyBearer(ctx, raw)
	if err != nil && identity.IsDurable(ctx) {
		if known, ok := v.tokens.Get(raw); ok { // else no state was asked for, or is in the token's own answer
			state, _, asked := v.askState(ctx, known.Claims.IdentityID, v.Clock())
			caller, err = known, refused(known.Claims, state, asked)
		}
	}
	if err != nil {
		return nil, err
	}
	return &caller.Claims, nil
}

func (v *Verifier) verifyBearer(ctx context.Context, raw string) (*Caller, time.Time, error) {
	caller, known := v.tokens.Get(raw)
	if !known {
		claims, err := v.parse(ctx, raw)
		if err != nil {
			return nil, time.Time{}, err
		}
		authorization := bearerPrefix + raw // a copy, for the field around the token may be much longer
		caller = &Caller{Claims: *claims, Method: Bearer, Authorization: authorization}
		v.tokens.Add(strings.TrimPrefix(authorization, bearerPrefix), caller)
	} else if v.Clock().Unix() >= caller.Claims.ExpiresAt {
		// Parsed again, because the key ring may be lenient about the clock.
		v.tokens.Remove(raw)
		if _, err := v.Tokens.ParseAccess(raw); err != nil {
			return nil, time.Time{}, err
		}
	}
	state, until, err := v.check(ctx, caller)
	if err != nil {
		if caller.Claims.ByActor && identity.CodeOf(err) == identity.CodeUnauthorized {
			v.tokens.Remove(raw) // another identity may have the actor by now
		}
		return nil, time.Time{}, err
	}
	checked := caller.In(state.BackendID)
	if checked != caller {
		v.tokens.Add(strings.TrimPrefix(checked.Authorization, bearerPrefix), checked)
	}
	return checked, until, nil
}

// parse returns the claims of a genuine token, with the identity in them.
func (v *Verifier) parse(ctx context.Context, raw string) (*identity.Claims, error) {
	c, err := v.Tokens.ParseAccess(raw)
	if err != nil || !c.ByActor {
		return c, err
	}
	if v.Actors == nil {
		return nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: "token_dialect"}
	}
	i, err := v.Actors.ByActor(ctx, c.ActorType, c.ActorID)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: "actor_unknown", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("asking whose an actor is: %w", err)
	}
	c.IdentityID, c.Provider, c.AppMetadata = i.ID, identity.EmailPass, i.AppMetadata
	c.UserMetadata = i.Providers[identity.EmailPass].UserMetadata
	return c, nil
}
