package httpapi

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// refresh mints a new token for the latest login of the session or, if there is
// none that holds, for the bearer token. No actor is needed.
func (h *Handler) refresh(c *call) (answer, error) {
	sid, record, claims, err := h.refreshSession(c)
	if identity.ReasonOf(err) == reasonRevoked { // as for caller
		sid, record, claims, err = h.refreshSession(c)
	}
	if err == nil {
		a, err := h.refreshed(c, sessionCredential(sid, record.Latest), claims)
		a.cookie = h.Prolong(c.Request, sid, record)
		return a, err
	}
	if !isNo(err) {
		return answer{}, err
	}
	raw, ok := verify.BearerToken(c.Header)
	if !ok {
		return answer{}, err // why the session does not do
	}
	old, err := h.Tokens.ParseAccess(raw)
	if err != nil {
		return answer{}, unauthorized(err)
	}
	claims, err = h.Service.Refresh(c.Context(), *old)
	if err != nil {
		return answer{}, err
	}
	return h.refreshed(c, raw, claims)
}

func (h *Handler) refreshSession(c *call) (sid string, record *session.Record, claims identity.Claims, err error) {
	if sid, record, err = h.session(c); err == nil {
		claims, err = h.Service.Refresh(c.Context(), record.Contexts[record.Latest])
	}
	return sid, record, claims, err
}

// refreshed answers with a token, of somebody who logged in when the bearer of
// the older credential did.
func (h *Handler) refreshed(c *call, older string, claims identity.Claims) (answer, error) {
	token, a, err := h.mint(claims)
	if err == nil {
		h.carry(c.Context(), older, token)
	}
	return a, err
}

// isNo reports whether the error says that a credential proves nothing, rather
// than that this is unknown.
func isNo(err error) bool {
	switch identity.CodeOf(err) {
	case identity.CodeUnauthorized, identity.CodeForbidden, identity.CodeNotFound:
		return true
	}
	return false
}

// Prolong returns the Set-Cookie line of a rolling session that the request used,
// or "". The request does not depend on it: the session was good when it came.
func (h *Handler) Prolong(r *http.Request, sid string, record *session.Record) string {
	cookie, err := h.Sessions.Touch(r.Context(), sid, record, h.HTTPS(r))
	if err != nil && !errors.Is(err, identity.ErrNotFound) { // logged out by a request that ran beside this one
		h.Logger.WarnContext(r.Context(), "session was not prolonged",
			slog.String("reason", identity.ReasonOf(err)), slog.Any("error", err))
	}
	if cookie != "" {
		h.Verifier.ForgetSession(sid)
	}
	return cookie
}
