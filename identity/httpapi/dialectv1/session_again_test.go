package dialectv1_test

import (
	"context"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/dialectv1"
)

// ended are sessions whose end is made sure of with that error.
type ended struct {
	dialectv1.Sessions
	again error
}

func (e *ended) EndAgain(context.Context, string) error { return e.again }

// A log-out of the dashboard of a session that is gone succeeds if its end had to be
// made sure of, and was. One that is there, and nobody's of the staff, is no failure.
func TestLogoutAgain(t *testing.T) {
	t.Parallel()
	e := new(ended)
	s := newShop(t, func(set *setup) { set.config.Sessions = e })
	e.Sessions = s.sessions
	s.annIsStaff()
	customer, gone := s.janeSignsUp(), s.mustSend(200, "POST", "/admin/auth", ann).cookie()
	s.mustSend(200, "DELETE", "/admin/auth", "", "Cookie", gone)
	for name, test := range map[string]struct {
		again  error
		status int
	}{
		"nothing left open": {identity.ErrNotFound, 401},
		"made sure of":      {nil, 200},
		"not yet":           {identity.Unavailable("write_not_replicated", nil), 503},
		"it has come back":  {identity.ErrStale, 503},
	} {
		e.again = test.again
		out := s.send("DELETE", "/admin/auth", "", "Cookie", gone)
		if cleared := out.cookie() == "connect.sid="; out.status != test.status || cleared != (test.status == 200) {
			t.Errorf("%s: got %d %v", name, out.status, out.header)
		}
	}
	e.again = nil
	if out := s.send("DELETE", "/admin/auth", "", "Cookie", gone, "Origin", stranger); out.status != 401 {
		t.Errorf("by a foreign page: got %d", out.status)
	}
	e.again = identity.ErrStale
	wantGuarded(t, s.send("DELETE", "/admin/auth", "", "Cookie", customer))
	s.mustSend(200, "GET", "/store/auth", "", "Cookie", customer)
}
