//go:build unix && medusa

package medusa

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const (
	resetPath  = "/auth/customer/emailpass/reset-password"
	updatePath = "/auth/customer/emailpass/update"
)

// mailed asks for a new password and returns the token in the mail that comes of
// it, or of an earlier request that Medusa gets late; count is that of the mails
// so far.
func (c caller) mailed(t *testing.T, backend *medusa, email string) (token string, count int) {
	t.Helper()
	count = len(backend.Events(t, "auth.password_reset", "entity_id", email)) + 1
	c.Do(t, http.MethodPost, resetPath, "", map[string]string{"identifier": email}).Need(t, http.StatusCreated)
	token, _ = backend.event(t, count, "auth.password_reset", "entity_id", email)["token"].(string)
	return token, count
}

// forgets sets another password by mail. A mail voids the ones before it, so the
// latest counts.
func (c caller) forgets(t *testing.T, backend *medusa, email string) {
	t.Helper()
	token, count := c.mailed(t, backend, email)
	for {
		a := c.Do(t, http.MethodPost, updatePath, token, map[string]string{"password": changed})
		if a.Status == http.StatusOK {
			return
		}
		a.Need(t, http.StatusUnauthorized)
		count++
		token, _ = backend.event(t, count, "auth.password_reset", "entity_id", email)["token"].(string)
	}
}

// patient asks again while the answer is that one should.
func patient(t *testing.T, ask func() e2e.Answer) e2e.Answer {
	t.Helper()
	for late := time.After(e2e.FaultTimeout); ; {
		a := ask()
		if a.Status != http.StatusServiceUnavailable {
			return a
		}
		a.NeedRetryAfter(t)
		select {
		case <-late:
			t.Fatal("nothing comes of asking again")
		default:
		}
	}
}
