package identity_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// operations are all that people can do, prepared so that they would succeed,
// with the methods of the store that each of them calls.
func operations(t *testing.T, r *realm) map[string]struct {
	do    func(context.Context) error
	calls []string
} {
	t.Helper()
	claims := r.register(t, "ann@example.com", "secret")
	if err := r.Link(t.Context(), claims.IdentityID, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	state := r.begin(t, "google", identity.Input{})
	linking := r.begin(t, "google", identity.Input{LinkTo: claims.IdentityID})
	if _, err := r.link(t, claims.IdentityID, "github", "1234"); err != nil {
		t.Fatal(err)
	}
	token := issue(t, r, ask(t, r, "ann@example.com"))
	rehash := credentials("ann@example.com", "secret")
	rehash.Body["rehash"] = true
	r.store.called()
	return map[string]struct {
		do    func(context.Context) error
		calls []string
	}{
		"register": {func(ctx context.Context) error {
			_, err := r.Register(ctx, "customer", "emailpass", credentials("new@example.com", "secret"))
			return err
		}, []string{"Create"}},
		"log in": {func(ctx context.Context) error {
			_, err := r.Authenticate(ctx, "customer", "emailpass", credentials("ann@example.com", "secret"))
			return err
		}, []string{"Find"}},
		"log in with a wrong password": {func(ctx context.Context) error {
			_, err := r.Authenticate(ctx, "customer", "emailpass", credentials("ann@example.com", "wrong"))
			if answer(err) == "unauthorized: Invalid email or password" {
				return nil
			}
			return err
		}, []string{"Find"}},
		"log in and replace": {func(ctx context.Context) error {
			_, err := r.Authenticate(ctx, "customer", "emailpass", rehash)
			return err
		}, []string{"Find", "ReplaceCredential"}},
		"come back from a third party": {func(ctx context.Context) error {
			_, err := r.Callback(ctx, "customer", "google", back(state, "1234"))
			return err
		}, []string{"TakeAttempt", "Find", "Create"}},
		"go to a third party": {func(ctx context.Context) error {
			_, err := r.Authenticate(ctx, "customer", "google", identity.Input{Host: shopHost})
			return err
		}, []string{"KeepAttempt"}},
		"refresh": {func(ctx context.Context) error {
			_, err := r.Refresh(ctx, claims)
			return err
		}, []string{"Identity"}},
		"refresh what is gone": {func(ctx context.Context) error {
			gone := claims
			gone.IdentityID = "authid_gone"
			_, err := r.Refresh(ctx, gone)
			if answer(err) == "unauthorized: Invalid auth identity while refreshing token" {
				return nil
			}
			return err
		}, []string{"Identity"}},
		"issue a reset": {func(ctx context.Context) error {
			_, err := r.IssueReset(ctx, r.queue.requests[0])
			return err
		}, []string{"Find", "OpenReset"}},
		"update": {func(ctx context.Context) error {
			return r.Update(ctx, "customer", "emailpass", token, credentials("", "changed"))
		}, []string{"Find", "CheckReset", "FinishReset"}},
		"update without password": {func(ctx context.Context) error {
			err := r.Update(ctx, "customer", "emailpass", token, identity.Input{})
			if answer(err) == "unauthorized: Unauthorized" {
				return nil
			}
			return err
		}, []string{"Find", "CheckReset", "CloseReset"}},
		"link an account": {func(ctx context.Context) error {
			in := back(linking, "linked")
			in.Person = person(claims.IdentityID, nil)
			_, err := r.Callback(ctx, "customer", "google", in)
			return err
		}, []string{"TakeAttempt", "Identity", "AddProvider", "Identity"}},
		"remove an account": {func(ctx context.Context) error {
			_, err := r.RemoveProvider(ctx, claims, "github")
			return err
		}, []string{"Identity", "RemoveProvider"}},
		"link":   {func(ctx context.Context) error { return r.Link(ctx, claims.IdentityID, "user", "user_1") }, []string{"Link"}},
		"revoke": {func(ctx context.Context) error { return r.Revoke(ctx, claims.IdentityID) }, []string{"Revoke"}},
		"revoke others": {func(ctx context.Context) error {
			return r.RevokeOthers(ctx, claims, func(context.Context, identity.Claims, time.Time) error { return nil })
		}, []string{"Identity", "Keep", "RevokeOthers"}},
		"unlink": {func(ctx context.Context) error { return r.Unlink(ctx, "customer", "cus_1") }, []string{"Unlink"}},
	}
}

var operationNames = []string{
	"register", "log in", "log in with a wrong password", "log in and replace", "go to a third party", "come back from a third party", "link an account", "remove an account",
	"refresh", "refresh what is gone", "issue a reset", "update", "update without password", "link", "unlink",
	"revoke", "revoke others",
}

// revoking are the methods of the store that end credentials.
var revoking = map[string]bool{"FinishReset": true, "RemoveProvider": true, "Unlink": true, "Revoke": true, "RevokeOthers": true}

// Whatever the store is asked at whatever moment: if it cannot answer, that is
// what the person hears, never that they are not who they are. (attacks.md K1)

func TestStoreDown(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, name := range operationNames {
		calls := operations(t, newRealm(t, nil))[name].calls
		for _, method := range calls {
			covered[method] = true
			for _, lost := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s: %s, answer lost: %v", name, method, lost), func(t *testing.T) {
					t.Parallel()
					r := newRealm(t, nil)
					op := operations(t, r)[name]
					r.store.lost = lost
					r.store.fails(errDown, method)
					err := op.do(t.Context())
					wantAnswer(t, err, unavailable)
					// Who is told only asks the store again, and what is not known may be.
					mayEnd := revoking[method] && (lost || method != "Unlink") // which does not say of whom
					if identity.ReasonOf(err) != "store_refused" || (len(r.told()) != 0) != mayEnd {
						t.Errorf("reason %q, told of %q", identity.ReasonOf(err), r.told())
					}
					if !lost { // then all is as it was, and works again
						r.store.fails(nil)
						if err := op.do(t.Context()); err != nil {
							t.Errorf("afterwards: %v", err)
						}
					}
				})
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			op := operations(t, r)[name]
			if err := op.do(t.Context()); err != nil {
				t.Error(err)
			}
			if got := r.store.called(); fmt.Sprint(got) != fmt.Sprint(calls) {
				t.Errorf("asked for %v, want %v", got, calls)
			}
		})
	}
	for _, method := range []string{
		"Identity", "Find", "Create", "ReplaceCredential", "Link", "Unlink", "OpenReset", "CheckReset", "CloseReset", "FinishReset",
		"KeepAttempt", "TakeAttempt", "AddProvider", "RemoveProvider",
	} {
		if !covered[method] {
			t.Errorf("no operation calls %s", method)
		}
	}
}

// An operation that its caller gave up has an unknown outcome as well.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for _, name := range operationNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			op := operations(t, r)[name]
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := op.do(ctx); identity.CodeOf(err) != identity.CodeUnavailable {
				t.Errorf("%v", err)
			}
		})
	}
}
