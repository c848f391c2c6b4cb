package password

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// recorder is a hash that notes what it is compared with.
type recorder struct {
	units   uint64
	matched string // the password that it is of
	seen    []string
	then    func()
}

func (r *recorder) matches(password []byte) (bool, error) {
	r.seen = append(r.seen, string(password))
	if r.then != nil {
		r.then()
	}
	return string(password) == r.matched, nil
}

func (r *recorder) work() uint64     { return r.units }
func (r *recorder) settings() string { return "recorder" }

const (
	typed      = "pa\u0308ss"
	normalized = "p\u00e4ss"
)

func recording(t *testing.T) (*Hasher, *recorder) {
	h, err := New(Config{Argon2Memory: 8, Argon2Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	dummy := &recorder{units: 100}
	h.dummy = dummy
	return h, dummy
}

// Each answer that is not yes costs the same comparisons as one for an account
// that does not exist, or more.
func TestDummyWork(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"pass", typed} {
		forms := []string{password}
		if password == typed {
			forms = []string{normalized, typed}
		}
		h, dummy := recording(t)
		if err := h.VerifyNone(t.Context(), password); err != nil || !slices.Equal(dummy.seen, forms) {
			t.Errorf("no account: got %v, comparisons %+q, want %+q", err, dummy.seen, forms)
		}
		for _, stored := range []string{"", "garbage", "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR", "c2NyeXB0"} {
			h, dummy := recording(t)
			_, err := h.Verify(t.Context(), identity.NewSecret(stored), password)
			if err == nil || !slices.Equal(dummy.seen, forms) {
				t.Errorf("hash %q: got %v, comparisons %+q, want %+q", stored, err, dummy.seen, forms)
			}
		}
		const v1 = "c2NyeXB0AAEAAAABAAAAASdmTjT7tlEOLzp4Ad5kqtopmV7FV2Iz8LVJxNKxkRi0haiTtz9B+RaAngBid2f44QYFLXPETF9y3/LtgRJF7RNPQ7hs29KudVaCq3ZwOMSn"
		h, dummy = recording(t)
		match, err := h.Verify(t.Context(), identity.NewSecret(v1), password)
		if match || err != nil || !slices.Equal(dummy.seen, forms) {
			t.Errorf("cheap hash: got %v, %v, comparisons %+q, want %+q", match, err, dummy.seen, forms)
		}
	}
}

func TestTry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		stored  recorder
		typed   string
		want    bool
		seen    []string
		dummies []string
	}{
		{"match", recorder{units: 1, matched: "pass"}, "pass", true, []string{"pass"}, nil},
		{"match of the normal form", recorder{units: 1, matched: normalized}, typed, true, []string{normalized}, nil},
		{"match of what was typed", recorder{units: 1, matched: typed}, typed, true, []string{normalized, typed}, nil},
		{"no match, cheaper", recorder{units: 99}, typed, false, []string{normalized, typed}, []string{normalized, typed}},
		{"no match, as dear", recorder{units: 100}, typed, false, []string{normalized, typed}, nil},
		{"no match, dearer", recorder{units: 101}, "pass", false, []string{"pass"}, nil},
		{"the dummy's match is none", recorder{units: 1}, "dummy", false, []string{"dummy"}, []string{"dummy"}},
	} {
		h, dummy := recording(t)
		dummy.matched = "dummy"
		match, err := h.try(t.Context(), &c.stored, c.typed)
		if match != c.want || err != nil || !slices.Equal(c.stored.seen, c.seen) || !slices.Equal(dummy.seen, c.dummies) {
			t.Errorf("%s: got %v, %v, comparisons %+q and %+q", c.name, match, err, c.stored.seen, dummy.seen)
		}
	}
}

// Whoever leaves between the two forms has no second one computed.
func TestTryClientLeaves(t *testing.T) {
	t.Parallel()
	h, dummy := recording(t)
	ctx, cancel := context.WithCancel(t.Context())
	stored := recorder{units: 1, then: cancel}
	_, err := h.try(ctx, &stored, typed)
	if identity.ReasonOf(err) != "hash_wait_cancelled" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(stored.seen) != 1 || len(dummy.seen) != 0 {
		t.Errorf("comparisons %+q and %+q after the client left", stored.seen, dummy.seen)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	p, err := NewPool(3, 0)
	if err != nil {
		t.Fatal(err)
	}
	if running, all := cap(p.working), cap(p.admitted); running != 3 || all != 3+3*16 {
		t.Errorf("got %d workers and %d places, want 3 and 51", running, all)
	}
	if h, err := New(Config{Pool: p}); err != nil || h.pool != p {
		t.Errorf("got %v, and another pool than the one given", err)
	}
	if h, err := New(Config{}); err != nil || cap(h.pool.working) < 1 {
		t.Errorf("got %v, %d workers", err, cap(h.pool.working))
	}
}
