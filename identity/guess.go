package identity

import (
	"context"
	"slices"
)

// Guessable is a Provider at which somebody can guess what another one knows.
type Guessable interface {
	// Identifier returns whom the input is about; false if it cannot prove anybody,
	// whoever that is.
	Identifier(in Input) (identifier string, ok bool)
	// Account returns one name for all spellings of an identifier, and for those
	// that no account has as well.
	Account(identifier string) string
}

// guess is an attempt to prove to be somebody, counted before it is judged: of
// however many at once, no more are judged than there is place for.
type guess struct {
	*Service
	taken []Verdict // to be given back if it is none
	// backend, unless nil, says that the backend must not be asked.
	backend error
}

// guess counts an attempt to prove an identity by the input, also in the given
// buckets, and slows it down. The same happens whether or not there is such an
// account.
func (s *Service) guess(ctx context.Context, provider string, in Input, once ...Bucket) (*guess, error) {
	p, ok := s.providers[provider].(Guessable)
	if !ok {
		return &guess{Service: s}, nil
	}
	identifier, ok := p.Identifier(in)
	if !ok {
		return &guess{Service: s}, nil
	}
	return s.guessOf(ctx, provider, p, identifier, in, once...)
}

// guessOf is guess of an account that the input does not name.
func (s *Service) guessOf(ctx context.Context, provider string, p Guessable, identifier string, in Input, once ...Bucket) (*guess, error) {
	g := &guess{Service: s}
	if s.Limiter == nil {
		return g, nil
	}
	of := Subject{Client: ClientOf(ctx), Account: p.Account(identifier)}
	buckets := append(once, BucketNetwork, BucketAccount)
	if in.Device != nil {
		of.Device = in.Device(of.Account)
	}
	if of.Device != "" { // what others do is not counted against it
		buckets = append(once, BucketDevice, BucketDevices)
	}
	if len(once) == 0 {
		buckets = append(buckets, BucketLogin)
		if s.migrates(provider) {
			buckets = append(buckets, BucketMigration, BucketMigrationAll)
		}
	}
	verdicts, err := s.Limiter.Take(ctx, of, buckets...)
	if err != nil {
		return nil, err
	}
	if verdicts, err = s.asStranger(ctx, of, verdicts); err != nil {
		return nil, err
	}
	judged := slices.DeleteFunc(slices.Clone(verdicts), func(v Verdict) bool {
		if !v.ofBackend() {
			return false
		}
		if !v.Allowed {
			g.backend = limited(v)
		}
		return true
	})
	if err := s.admit(ctx, judged, verdicts); err != nil {
		return nil, err
	}
	g.taken = slices.DeleteFunc(taken(verdicts), func(v Verdict) bool { return slices.Contains(once, v.Bucket) })
	if err := s.slowdown.wait(ctx, delay(judged)); err != nil {
		g.refund(ctx)
		return nil, err
	}
	return g, nil
}

// asStranger counts the attempt of a known browser as a stranger's, too, if there is
// no place for those of all browsers that know the account: whoever was in it once
// can make as many of them as they like. It costs a second question only then.
func (s *Service) asStranger(ctx context.Context, of Subject, verdicts []Verdict) ([]Verdict, error) {
	n := slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Bucket == BucketDevices && !v.Allowed })
	if n < 0 {
		return verdicts, nil
	}
	verdicts = slices.Delete(verdicts, n, n+1)
	more, err := s.Limiter.Take(ctx, of, BucketNetwork, BucketAccount)
	if err != nil {
		_ = s.Limiter.Refund(context.WithoutCancel(ctx), taken(verdicts)) // should it fail, time gives it back
		return nil, err
	}
	return append(verdicts, more...), nil
}

// ofBackend reports whether the bucket is about asking the backend. It is asked
// about unknown accounts alone; a refusal that concerned these alone would tell
// who has an account here. So everybody's attempts count, who is right gets in all
// the same, and who is wrong hears the same, known or unknown.
func (v Verdict) ofBackend() bool {
	return v.Bucket == BucketMigration || v.Bucket == BucketMigrationAll
}

// migrates reports whether log-ins of unknown accounts are tried at a backend.
func (s *Service) migrates(provider string) bool {
	return provider == EmailPass && (s.backend != nil && s.backend.Migrate || s.legacy != nil && s.legacy.Migrate)
}

// end returns the error that the attempt has in the end. What was taken stays so
// only if the attempt was wrong.
func (g *guess) end(ctx context.Context, err error) error {
	switch {
	case CodeOf(err) != CodeUnauthorized:
		g.refund(ctx)
	case g.backend != nil:
		return g.backend
	}
	return err
}

// refund gives back what was taken.
func (g *guess) refund(ctx context.Context) { g.refunds.give(ctx, g.Limiter, g.taken) }

// forgive lets the owner of an account in whose password was reset just now,
// however many guessed before.
func (s *Service) forgive(ctx context.Context, provider, key string) {
	p, ok := s.providers[provider].(Guessable)
	if s.Limiter == nil || !ok {
		return
	}
	// The password is set whatever happens here; time empties the buckets too.
	_ = s.Limiter.Clear(ctx, Subject{Client: ClientOf(ctx), Account: p.Account(key)}, BucketNetwork, BucketAccount)
}

// AccountOf returns the name by which attempts to log in to the account that the
// claims are of are counted, ErrNotFound if none are.
func (s *Service) AccountOf(ctx context.Context, c Claims) (string, error) {
	p, ok := s.providers[c.Provider].(Guessable)
	if !ok {
		return "", ErrNotFound
	}
	i, err := s.Store.Identity(ctx, c.IdentityID)
	if err != nil {
		return "", err
	}
	own, ok := i.Providers[c.Provider]
	if !ok {
		return "", ErrNotFound
	}
	return p.Account(own.Key), nil
}
