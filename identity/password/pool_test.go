package password_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

// gate is a source of salts at which hashes wait, within their place in the
// pool, until the test lets one go on.
type gate struct {
	pass    chan struct{} // nil: open
	entered atomic.Int32
}

func (g *gate) Read(p []byte) (int, error) {
	if g.pass != nil {
		g.entered.Add(1)
		<-g.pass
	}
	clear(p)
	return len(p), nil
}

func newPool(t *testing.T, workers, queue int) *password.Pool {
	t.Helper()
	p, err := password.NewPool(workers, queue)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// gated returns a Hasher whose hashes wait at the gate.
func gated(t *testing.T, workers, queue int) (*password.Hasher, *gate) {
	g := new(gate)
	cfg := fastArgon2
	cfg.Pool, cfg.Random = newPool(t, workers, queue), g
	h := newHasher(t, cfg)
	g.pass = make(chan struct{})
	return h, g
}

// calls hashes n passwords at once; the errors come in the order of the ends.
func calls(ctx context.Context, h *password.Hasher, n int) <-chan error {
	done := make(chan error, n)
	for range n {
		go func() {
			_, err := h.Hash(ctx, "password")
			done <- err
		}()
	}
	return done
}

func wantUnavailable(t *testing.T, err error, reason string) {
	t.Helper()
	if identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != reason {
		t.Errorf("got %v (%s, %s), want %s", err, identity.CodeOf(err), identity.ReasonOf(err), reason)
	}
}

func TestPoolSaturation(t *testing.T) {
	t.Parallel()
	const workers, queue = 2, 3
	synctest.Test(t, func(t *testing.T) {
		h, g := gated(t, workers, queue)
		done := calls(t.Context(), h, workers+queue)
		synctest.Wait()
		if n := g.entered.Load(); n != workers {
			t.Errorf("%d hashes at once, want %d", n, workers)
		}

		// Whoever comes now is refused at once, for each kind of work.
		before := time.Now()
		_, err := h.Hash(t.Context(), "password")
		wantUnavailable(t, err, "hash_queue_full")
		match, err := h.Verify(t.Context(), identity.NewSecret(vector("medusa v1")), "Passw0rd!")
		wantUnavailable(t, err, "hash_queue_full")
		if match {
			t.Error("a verification that was refused matches")
		}
		_, err = h.Verify(t.Context(), identity.NewSecret("garbage"), "password")
		wantUnavailable(t, err, "hash_queue_full")
		wantUnavailable(t, h.VerifyNone(t.Context(), "password"), "hash_queue_full")
		if waited := time.Since(before); waited != 0 {
			t.Errorf("refused after %v", waited)
		}

		// One that ends lets exactly one of the queue begin.
		g.pass <- struct{}{}
		synctest.Wait()
		if n := g.entered.Load(); n != workers+1 {
			t.Errorf("%d hashes began, want %d", n, workers+1)
		}
		done2 := calls(t.Context(), h, 1)
		synctest.Wait()
		_, err = h.Hash(t.Context(), "password")
		wantUnavailable(t, err, "hash_queue_full")

		close(g.pass)
		for range workers + queue {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := <-done2; err != nil {
			t.Error(err)
		}
	})
}

func TestPoolContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, g := gated(t, 1, 2)
		working := calls(t.Context(), h, 1)
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		left := calls(ctx, h, 2)
		synctest.Wait()
		cancel()
		for range 2 {
			err := <-left
			wantUnavailable(t, err, "hash_wait_cancelled")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v does not wrap the context's error", err)
			}
		}

		// Their places in the queue are free again.
		waiting := calls(t.Context(), h, 2)
		synctest.Wait()
		_, err := h.Hash(t.Context(), "password")
		wantUnavailable(t, err, "hash_queue_full")

		close(g.pass)
		for _, done := range []<-chan error{working, waiting, waiting} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := g.entered.Load(); n != 3 {
			t.Errorf("%d hashes began, want 3", n)
		}
	})
}

func TestPoolDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, g := gated(t, 1, 2)
		working := calls(t.Context(), h, 1)
		synctest.Wait()

		before := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Hash(ctx, "password")
		wantUnavailable(t, err, "hash_wait_cancelled")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(before) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(before))
		}

		before = time.Now()
		_, err = h.Hash(t.Context(), "password")
		wantUnavailable(t, err, "hash_wait_timeout")
		if waited := time.Since(before); waited != 2*time.Second {
			t.Errorf("waited %v, want two seconds", waited)
		}

		close(g.pass)
		if err := <-working; err != nil {
			t.Error(err)
		}
	})
}

// A client that left before it was its turn costs nothing, whatever select picks.
func TestPoolClientLeft(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	cfg := fastArgon2
	cfg.Pool = newPool(t, 1, 1)
	cfg.Random = readerFunc(func(p []byte) (int, error) {
		reads.Add(1)
		return len(p), nil
	})
	h := newHasher(t, cfg)
	reads.Store(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		_, err := h.Hash(ctx, "password")
		wantUnavailable(t, err, "hash_wait_cancelled")
		match, err := h.Verify(ctx, identity.NewSecret(vector("medusa v1")), "Passw0rd!")
		wantUnavailable(t, err, "hash_wait_cancelled")
		if match {
			t.Error("a verification without a client matches")
		}
		wantUnavailable(t, h.VerifyNone(ctx, "password"), "hash_wait_cancelled")
	}
	if n := reads.Load(); n != 0 {
		t.Errorf("%d hashes were begun", n)
	}
	if _, err := h.Hash(t.Context(), "password"); err != nil {
		t.Errorf("their places were not given back: %v", err)
	}
}

// A failure inside gives the place back.
func TestPoolReleasesAfterFailure(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	cfg := fastArgon2
	cfg.Pool = newPool(t, 1, 1)
	cfg.Random = readerFunc(func(p []byte) (int, error) {
		if broken.Load() {
			return 0, io.ErrClosedPipe
		}
		return len(p), nil
	})
	h := newHasher(t, cfg)
	broken.Store(true)
	for range 5 {
		stored, err := h.Hash(t.Context(), "password")
		if !errors.Is(err, io.ErrClosedPipe) || identity.CodeOf(err) == identity.CodeUnavailable || !stored.Empty() {
			t.Errorf("got %v", err)
		}
	}
	if _, err := password.New(cfg); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("New: got %v", err)
	}
	broken.Store(false)
	if _, err := h.Hash(t.Context(), "password"); err != nil {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Everybody at once: each gets the right answer or is refused, never a wrong one.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	cfg := fastArgon2
	cfg.Pool = newPool(t, 4, 200)
	h := newHasher(t, cfg)
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			given := "password" + string(rune('a'+i%26))
			stored, err := h.Hash(t.Context(), given)
			if err != nil {
				t.Error(err)
				return
			}
			for other, want := range map[string]bool{given: true, given + "x": false} {
				if match, err := h.Verify(t.Context(), stored, other); err != nil || match != want {
					t.Errorf("Verify: got %v, %v, want %v", match, err, want)
				}
			}
			if err := h.VerifyNone(t.Context(), given); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
