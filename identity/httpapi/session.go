package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

type userBody struct {
	User identity.Claims `json:"user"`
}

type successBody struct {
	Success bool `json:"success"`
}

// startSession makes a session of a bearer token; a cookie alone is no
// credential here. The session that the browser had is dead afterwards.
func (h *Handler) startSession(c *call) (answer, error) {
	raw, ok := verify.BearerToken(c.Header)
	if !ok {
		return answer{}, errUnauthorized
	}
	shared, err := h.Verifier.VerifyBearer(c.Context(), raw)
	if err != nil {
		return answer{}, unauthorized(err)
	}
	claims := *shared
	if err := h.Service.Present(c.Context(), claims); err != nil {
		return answer{}, unauthorized(err)
	}
	if len(claims.UserMetadata) == 0 {
		claims.UserMetadata = json.RawMessage("{}")
	}
	a, err := jsonAnswer(http.StatusOK, userBody{claims})
	if err != nil {
		return answer{}, err
	}
	old, _ := h.Sessions.FromRequest(c.Header)
	sid, cookie, err := h.start(c, old, claims)
	if err != nil {
		return answer{}, err
	}
	h.carry(c.Context(), raw, sessionCredential(sid, claims.ActorType))
	a.cookie = cookie
	if cookie != "" {
		a.device = h.knownDevice(c, claims)
	}
	return a, nil
}

// knownDevice returns the Set-Cookie line by which the browser is known to the
// account from now on: somebody else who guesses its password does not keep it
// out. No session depends on it.
func (h *Handler) knownDevice(c *call, claims identity.Claims) string {
	account, err := h.Service.AccountOf(c.Context(), claims)
	switch {
	case errors.Is(err, identity.ErrNotFound): // by a third party, or gone
		return ""
	case err != nil:
		h.Logger.WarnContext(c.Context(), "browser was not made known to its account",
			slog.String("reason", identity.ReasonOf(err)), slog.Any("error", err))
		return ""
	}
	return h.Sessions.DeviceCookie(c.Header, account, h.HTTPS(c.Request))
}

// start makes a session in place of the old one, if there is one, and returns
// its id and its Set-Cookie line.
func (h *Handler) start(c *call, old string, claims identity.Claims) (sid, cookie string, err error) {
	started, err := h.Sessions.Start(c.Context(), old, claims, h.HTTPS(c.Request))
	if err != nil {
		return "", "", err
	}
	if old != "" {
		h.SessionEnded(old)
	}
	if started.SetCookie == "" {
		h.Logger.WarnContext(c.Context(), "session cookie not sent: it is always Secure and the request came by plain http",
			slog.String("route", h.name(c.route)))
	}
	return started.SID, started.SetCookie, nil
}

// endSession logs out. A bearer token is no credential here.
func (h *Handler) endSession(c *call) (answer, error) {
	sid, record, err := h.session(c)
	if err == nil {
		err = h.end(c, sid, record)
	} else if identity.ReasonOf(err) == reasonUnknown {
		err = h.endAgain(c, err)
	}
	if err != nil {
		return answer{}, err
	}
	a, err := jsonAnswer(http.StatusOK, successBody{true})
	a.cookie = h.Sessions.ClearCookie()
	return a, err
}

// endAgain ends a session that is not there any more, of a cookie that is genuine:
// a log-out that got 503 may have ended it where a failover brings it back. It
// returns the refusal where a log-out leaves nothing open.
func (h *Handler) endAgain(c *call, refusal error) error {
	sid, ok := h.Sessions.FromRequest(c.Header)
	if !ok || h.crossOrigin.Check(c.Request) != nil {
		return refusal
	}
	switch err := h.Sessions.EndAgain(c.Context(), sid); {
	case errors.Is(err, identity.ErrNotFound):
		return refusal
	case errors.Is(err, identity.ErrStale): // a failover brought it back just now
		return identity.Unavailable("session_contended", err)
	case err != nil:
		return err
	}
	h.SessionEnded(sid)
	return nil
}

func (h *Handler) end(c *call, sid string, record *session.Record) error {
	if err := h.Sessions.End(c.Context(), sid, record); err != nil {
		return err
	}
	h.SessionEnded(sid)
	return nil
}

// reasonUnknown: the cookie is genuine, and there is no such session.
const reasonUnknown = "session_unknown"

// session returns the session of the request's cookie. CodeUnauthorized means
// that there is none, CodeForbidden that it does not count, because a foreign
// page sent the request.
func (h *Handler) session(c *call) (sid string, record *session.Record, err error) {
	sid, ok := h.Sessions.FromRequest(c.Header)
	if !ok {
		return "", nil, errUnauthorized
	}
	record, err = h.Sessions.Load(c.Context(), sid)
	if errors.Is(err, identity.ErrNotFound) {
		return "", nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: reasonUnknown, Err: err}
	}
	if err != nil {
		return "", nil, fmt.Errorf("loading a session: %w", err)
	}
	if err := h.crossOrigin.Check(c.Request); err != nil {
		return "", nil, err
	}
	return sid, record, nil
}

// unauthorized takes the message out of a refusal: what is wrong with a
// credential is for the log.
func unauthorized(err error) error {
	if identity.CodeOf(err) != identity.CodeUnauthorized {
		return err
	}
	return &identity.Error{Code: identity.CodeUnauthorized, Reason: identity.ReasonOf(err), Err: err}
}
