package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
)

// A log-out of a session that is gone succeeds if its end had to be made sure of,
// and was; else it is what it always is.
func TestLogOutAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		again  error
		origin string
		status int
		reason string // of 503
	}{
		"nothing left open":   {again: identity.ErrNotFound, status: 401},
		"made sure of":        {status: 200},
		"not yet":             {again: identity.Unavailable("write_not_replicated", nil), status: 503, reason: "write_not_replicated"},
		"it has come back":    {again: identity.ErrStale, status: 503, reason: "session_contended"},
		"by a foreign page":   {origin: stranger, status: 401},
		"by the shop's pages": {origin: storefront, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := ""
			s := newShop(t, func(set *setup) {
				set.config.Sessions = &fakeSessions{sid: "a-sid", loadErr: identity.ErrNotFound, again: test.again}
				set.config.SessionEnded = func(sid string) { ended += sid }
			})
			q := request{"DELETE", sessionPath, "", headers("Cookie", "a=b")}
			if test.origin != "" {
				q.header["Origin"] = test.origin
			}
			res := s.mustDo(test.status, q)
			if done := test.status == 200; (ended == "a-sid") != done || (res.header.Get("Set-Cookie") == "cleared") != done {
				t.Errorf("told of %q, got %v", ended, res.header)
			}
			if test.status != 503 {
				return
			}
			var line struct{ Level, Reason, Remedy string }
			if err := json.Unmarshal([]byte(s.log.String()), &line); err != nil {
				t.Fatal(err)
			}
			if want, _ := httpapi.Remedy(test.reason); line.Level != "WARN" || line.Reason != test.reason || line.Remedy != want {
				t.Errorf("got %+v", line)
			}
		})
	}
}

// Who runs the servers is told where to look.
func TestRemedyOfWritesThatAreNotReplicated(t *testing.T) {
	t.Parallel()
	if remedy, ok := httpapi.Remedy("write_not_replicated"); !ok || !strings.Contains(remedy, "INFO replication") {
		t.Errorf("got %q", remedy)
	}
}
