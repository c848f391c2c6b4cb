package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What a client chooses and an attempt keeps, in bytes.
const (
	maxHost        = 261 // a name of 255 (RFC 1035, section 2.3.4), a colon and a port
	maxCallbackURL = 2048
)

// begin sends the browser to the third party. Nothing is sent there before the
// callback URL is known to be permitted.
func (s *Service) begin(ctx context.Context, r Redirector, actorType, provider string, in Input) (Login, error) {
	// As in Medusa, but nothing of it is repeated at length.
	if in.Query["error"] != "" {
		return Login{}, refusedByThirdParty(in)
	}
	asked := ""
	switch given := in.Body["callback_url"].(type) {
	case nil:
	case string:
		if asked = given; asked == "" || len(asked) > maxCallbackURL {
			return Login{}, errCallbackURL
		}
	default:
		return Login{}, errCallbackURL
	}
	if len(in.Host) > maxHost {
		return Login{}, &Error{Code: CodeInvalid, Reason: "host_too_long", Message: "The host is too long"}
	}
	callbackURL, err := r.CallbackURL(asked)
	if err != nil {
		return Login{}, err
	}
	if err := s.limit(ctx, Subject{Client: ClientOf(ctx)}, BucketThirdParty, BucketThirdPartyAll); err != nil {
		return Login{}, err
	}
	state := newState()
	a := Attempt{
		Provider: provider, ActorType: actorType, Host: textHash(in.Host), CallbackURL: callbackURL,
		Verifier: NewSecret(randomText()), Nonce: randomText(),
		Returned: in.Browser.Returned, LinkTo: in.LinkTo,
		ExpiresAt: s.Clock().Add(AttemptTTL),
	}
	if in.Browser.ID != "" {
		a.Browser = textHash(in.Browser.ID)
	}
	location, err := r.Location(ctx, state, a)
	if err != nil {
		return Login{}, fmt.Errorf("asking %s where to log in: %w", provider, err)
	}
	if err := s.Attempts.KeepAttempt(ctx, textHash(state), a); err != nil {
		return Login{}, fmt.Errorf("beginning a log-in at %s: %w", provider, err)
	}
	return Login{Location: location}, nil
}

var errCallbackURL = &Error{
	Code: CodeInvalid, Reason: "callback_url_refused",
	Message: "callback_url must be one of the addresses that the provider is configured with",
}

// refusedByThirdParty repeats what the browser brought back, as Medusa words it
// (reference medusa-v2, section 4). The texts are anybody's: they are cut, and
// in no log.
func refusedByThirdParty(in Input) error {
	said := func(name string) string {
		text, ok := in.Query[name]
		if !ok {
			return "undefined" // by JavaScript
		}
		const most = 256
		if len(text) > most {
			text = strings.ToValidUTF8(text[:most], "")
		}
		return text
	}
	return &Error{
		Code: CodeUnauthorized, Reason: "provider_error",
		Message: said("error_description") + ", read more at: " + said("error_uri"),
	}
}

// finish ends an attempt. It is used up by the first callback, right or wrong;
// one that cannot be judged now may be repeated.
func (s *Service) finish(ctx context.Context, r Redirector, actorType, provider string, in Input) (Login, error) {
	if in.Query["error"] != "" {
		return Login{}, refusedByThirdParty(in)
	}
	code, ok := in.Query["code"]
	if !ok || code == "" {
		code, ok = in.Text("code")
	}
	if !ok {
		return Login{}, &Error{Code: CodeUnauthorized, Reason: "code_missing", Message: "No code provided"}
	}
	if in.Query["state"] == "" {
		return Login{}, stateRefused("state_missing", nil)
	}
	if err := s.limit(ctx, Subject{Client: ClientOf(ctx)}, BucketThirdParty, BucketThirdPartyAll); err != nil {
		return Login{}, err // the attempt stays
	}
	hash := textHash(in.Query["state"])
	a, err := s.Attempts.TakeAttempt(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return Login{}, stateRefused("state_unknown", err)
	}
	if err != nil {
		return Login{}, fmt.Errorf("ending a log-in at %s: %w", provider, err)
	}
	begun := s.Clock()
	if reason := a.fits(actorType, provider, in, r.BindRequired(), begun); reason != "" {
		return Login{}, stateRefused(reason, nil)
	}
	i, err := s.arrive(ctx, r, code, a, in)
	if CodeOf(err) == CodeUnavailable {
		// The request may have been given up; the attempt is not. Should this fail
		// as well, one begins anew.
		_ = s.Attempts.KeepAttempt(context.WithoutCancel(ctx), hash, a)
	}
	if err != nil {
		return Login{}, fmt.Errorf("ending a log-in at %s: %w", provider, err)
	}
	return s.login(ctx, i, actorType, provider, begun)
}

func stateRefused(reason string, err error) error {
	return &Error{Code: CodeUnauthorized, Reason: reason, Message: "No state provided, or session expired", Err: err}
}

// arrive returns the identity of the person who comes back with the code.
func (s *Service) arrive(ctx context.Context, r Redirector, code string, a Attempt, in Input) (*Identity, error) {
	var validFrom time.Time
	if a.LinkTo != "" {
		// Else whoever is sent this link would give away their account there.
		var err error
		if validFrom, err = s.stillThere(ctx, a, in); err != nil {
			return nil, err
		}
	}
	profile, err := r.Profile(ctx, code, a)
	if err != nil {
		return nil, err
	}
	if profile.Subject == "" || len(profile.Subject) > 255 {
		return nil, &Error{Code: CodeUnauthorized, Reason: "subject_unusable", Message: "Authentication failed"}
	}
	entry := ProviderIdentity{
		Provider: a.Provider, EntityID: profile.Subject, Key: profile.Subject, UserMetadata: profile.UserMetadata,
		VerifiedEmail: profile.VerifiedEmail, UpdatedAt: s.Clock(),
	}
	if a.LinkTo != "" {
		return s.attach(ctx, a, entry, validFrom)
	}
	accounts := s.accounts(a.Provider, a.ActorType)
	i, err := accounts.Find(ctx, entry.Key)
	if errors.Is(err, ErrNotFound) {
		i, err = accounts.Create(ctx, entry)
		if !errors.Is(err, ErrExists) {
			return i, err
		}
		i, err = accounts.Find(ctx, entry.Key) // came twice at once
		if errors.Is(err, ErrNotFound) {
			return nil, Unavailable("identity_contended", err)
		}
	}
	if err != nil {
		return nil, err
	}
	return i, s.renew(ctx, i, entry, profile.Fresh)
}

// renew stores what the third party says now, where that counts.
func (s *Service) renew(ctx context.Context, i *Identity, entry ProviderIdentity, fresh bool) error {
	known := i.Providers[entry.Provider]
	if !fresh {
		entry.UserMetadata = known.UserMetadata
	}
	entry.Credential = known.Credential
	if entry.VerifiedEmail == known.VerifiedEmail && bytes.Equal(entry.UserMetadata, known.UserMetadata) {
		return nil
	}
	err := s.Store.ReplaceCredential(ctx, i.ID, known, entry)
	switch {
	case errors.Is(err, ErrStale), errors.Is(err, ErrNotFound): // removed or renewed beside this
		return Unavailable("identity_contended", err)
	case err != nil:
		return fmt.Errorf("renewing what %s says: %w", entry.Provider, err)
	}
	i.Providers[entry.Provider] = entry
	return nil
}
