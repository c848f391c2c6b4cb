package identity

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// One goes at a time, those who give up take nobody's place, other names do not
// wait, and nothing is kept of those who have gone.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newTurns()
		end, err := all.take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		other, err := all.take(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		other()
		going, most, done := 0, 0, make(chan error)
		for n := range turnsMost {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if n%2 == 0 {
					cancel()
				}
				end, err := all.take(ctx, "a")
				if err == nil {
					going++
					most = max(most, going)
					time.Sleep(time.Millisecond)
					going--
					end()
				}
				done <- err
			}()
		}
		synctest.Wait()
		for range turnsMost / 2 { // those who gave up
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		end()
		for range turnsMost / 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if most != 1 || len(all.byName) != 0 {
			t.Errorf("%d at once, %d names kept", most, len(all.byName))
		}
	})
}

func TestTurnsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newTurns()
		end, err := all.take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		for range turnsMost {
			go func() {
				if end, err := all.take(t.Context(), "a"); err != nil {
					t.Error(err)
				} else {
					end()
				}
			}()
		}
		synctest.Wait()
		if _, err := all.take(t.Context(), "a"); !errors.Is(err, errTurns) {
			t.Errorf("one more: %v", err)
		}
		end()
		synctest.Wait()
	})
}
