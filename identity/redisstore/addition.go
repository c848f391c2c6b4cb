package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// addition is a provider identity that an identity is to get: noted in the
// record, while its index key is being claimed.
type addition struct {
	entry identity.ProviderIdentity
	claim string // of this attempt
	value string // what the record will hold
	note  string // what it holds until then
	// validFrom is the identity's at the time when the person was proven: with a
	// later one the addition is given up.
	validFrom int64 // seconds
}

// additionRecord is the note as it is stored.
type additionRecord struct {
	Claim     string          `json:"claim"`
	Entry     json.RawMessage `json:"entry"`
	ValidFrom int64           `json:"valid_from,omitempty"` // seconds
}

// newAddition makes an attempt of its own: one that was given up never comes
// back, so whatever names it may be deleted at any time.
func newAddition(p identity.ProviderIdentity, value string, validFrom time.Time) (addition, error) {
	a := addition{entry: p, claim: newClaim(), value: value}
	if !validFrom.IsZero() {
		a.validFrom = validFrom.Unix()
	}
	var err error
	if a.note, err = encode(additionRecord{a.claim, json.RawMessage(value), a.validFrom}); err != nil {
		return addition{}, invalid(err)
	}
	return a, nil
}

func decodeAddition(provider, note string) (addition, error) {
	var n additionRecord
	if err := json.Unmarshal([]byte(note), &n); err != nil {
		return addition{}, corrupt(err)
	}
	if n.Claim == "" {
		return addition{}, corrupt(errors.New("an addition without claim"))
	}
	entry, err := decodeProvider(provider, string(n.Entry))
	if err != nil {
		return addition{}, err
	}
	return addition{entry, n.Claim, string(n.Entry), note, n.ValidFrom}, nil
}

// holderBy is the value of the index key that the addition claims.
func (r *record) holderBy(a addition) string { return r.ID + ":" + a.claim }

// adding returns the addition that is about to hold the index key with that value.
func (k keyspace) adding(r *record, index, value string) (addition, bool) {
	for provider, a := range r.additions {
		if k.entity(provider, a.entry.Key) == index && r.holderBy(a) == value {
			return a, true
		}
	}
	return addition{}, false
}

// settleAdditions does what is left to do for whatever the identity is to get.
// What cannot be decided now is not yet there, and holds up no log-in by another
// provider.
func (s *Store) settleAdditions(ctx context.Context, r *record) {
	for _, a := range r.additions {
		_, _ = s.settleAddition(ctx, r, a, 0)
	}
}

// settleAddition claims the index key and completes the addition, or gives it up
// because the key is taken or a revocation came in between. Any number of callers may do so at once: all get the
// same outcome, for only the record decides. gone if somebody gave it up earlier.
func (s *Store) settleAddition(ctx context.Context, r *record, a addition, depth int) (outcome, error) {
	if depth >= maxDepth {
		return 0, errContended
	}
	provider := a.entry.Provider
	index, holder, key := s.keys.entity(provider, a.entry.Key), r.holderBy(a), s.keys.identity(r.ID)
	args := []any{prefixAddition + provider, a.note, prefixClaim + provider, a.claim}
	claimed, err := s.claim(ctx, index, holder, depth+1)
	if err != nil {
		return 0, err
	}
	o, script := gone, addCommitScript
	if claimed {
		args = append(args, prefixProvider+provider, a.value, s.now(), a.validFrom)
	} else {
		o, script = taken, addAbortScript
	}
	has, err := s.askBool(ctx, script, []string{key}, args...)
	if err != nil {
		return 0, err
	}
	delete(r.additions, provider)
	if has {
		r.Providers[provider], r.claims[provider] = a.entry, a.claim
		return stored, nil
	}
	_ = s.release(ctx, holder, index) // else by whoever meets it
	return o, nil
}
