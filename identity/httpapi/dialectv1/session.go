package dialectv1

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// current shows who the request's credentials prove: the session before the bearer
// token, each for the route's own side of the shop alone.
func (h *Handler) current(c *call) (answer, error) {
	result, caller, err := h.caller(c)
	if err != nil {
		return answer{}, err
	}
	person, err := h.person(c, caller.Claims, shapeLogin)
	switch identity.CodeOf(err) {
	case "":
	case identity.CodeUnauthorized:
		return answer{}, unauthorized(identity.ReasonOf(err), err)
	case identity.CodeNotFound:
		return answer{}, c.route.party.gone(caller.Claims, err)
	default:
		return answer{}, err
	}
	a, err := h.shown(c, person)
	if err == nil && caller.Method == verify.Session {
		a.cookie = h.prolong(c, result)
	}
	return a, err
}

// gone is v1's answer about somebody whose credentials are good and who is no more.
func (p party) gone(claims identity.Claims, err error) error {
	if p == admin {
		return &statusError{textAnswer(http.StatusBadRequest, "Bad Request"), "actor_gone", err}
	}
	return &identity.Error{
		Code: identity.CodeNotFound, Reason: "actor_gone", Message: "Customer with id: " + claims.ActorID + " was not found", Err: err,
	}
}

// caller returns whom the credentials prove on the route's side of the shop.
func (h *Handler) caller(c *call) (*verify.Result, *verify.Caller, error) {
	result, err := h.Verifier.Request(c.Request)
	if err != nil {
		return nil, nil, err
	}
	caller := result.First(func(k *verify.Caller) bool { return k.Registered() && k.Claims.ActorType == c.route.party.actorType })
	if caller == nil {
		reason := result.Refused
		if reason == "" {
			reason = "credential_missing"
		}
		return nil, nil, unauthorized(reason, nil)
	}
	return result, caller, nil
}

// prolong returns the cookie of a rolling session that was used, or "". The
// request does not depend on it: the session was good when it came.
func (h *Handler) prolong(c *call, result *verify.Result) string {
	cookie, err := h.Sessions.Touch(c.Context(), result.SID, result.Session, h.HTTPS(c.Request))
	if err != nil && !errors.Is(err, identity.ErrNotFound) { // logged out meanwhile
		h.Logger.WarnContext(c.Context(), "session was not prolonged",
			slog.String("reason", identity.ReasonOf(err)), slog.Any("error", err))
	}
	if cookie != "" {
		h.Verifier.ForgetSession(result.SID)
	}
	return cookie
}

// logout ends the session on the route's side of the shop. In the store it is no
// error if there is none; the admin wants somebody to be logged in.
func (h *Handler) logout(c *call) (answer, error) {
	if c.route.party == admin {
		if _, _, err := h.caller(c); err != nil {
			return h.logoutAgain(c, err)
		}
	}
	a := textAnswer(http.StatusOK, "OK")
	sid, ok := h.Sessions.FromRequest(c.Header)
	if !ok {
		return a, nil
	}
	if err := h.crossOrigin.Check(c.Request); err != nil {
		return answer{}, err
	}
	cookie, err := h.Sessions.Leave(c.Context(), sid, c.route.party.actorType, h.HTTPS(c.Request))
	if err != nil {
		return answer{}, err
	}
	h.SessionEnded(sid)
	a.cookie = cookie
	return a, nil
}

// logoutAgain is logout of nobody: of a session, perhaps, that a log-out which got
// 503 has ended where a failover brings it back. It returns the refusal where a
// log-out leaves nothing open.
func (h *Handler) logoutAgain(c *call, refusal error) (answer, error) {
	sid, ok := h.Sessions.FromRequest(c.Header)
	no, isNo := errors.AsType[*statusError](refusal)
	if !isNo || !ok || h.crossOrigin.Check(c.Request) != nil {
		return answer{}, refusal
	}
	switch err := h.Sessions.EndAgain(c.Context(), sid); {
	case errors.Is(err, identity.ErrStale) && no.reason == "session_unknown": // a failover brought it back just now
		return answer{}, identity.Unavailable("session_contended", err)
	case errors.Is(err, identity.ErrNotFound), errors.Is(err, identity.ErrStale):
		return answer{}, refusal
	case err != nil:
		return answer{}, err
	}
	h.SessionEnded(sid)
	a := textAnswer(http.StatusOK, "OK")
	a.cookie = h.Sessions.ClearCookie()
	return a, nil
}

// person returns the body that shows the person whom the claims are of.
func (h *Handler) person(c *call, claims identity.Claims, s shape) (json.RawMessage, error) {
	i, person, err := h.Service.Account(c.Context(), claims)
	if err != nil || len(person) > 0 {
		return person, err
	}
	return personOf(i, claims, s)
}
