package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// sessionBody is a session as its owner sees it.
type sessionBody struct {
	ID         string        `json:"id"`
	CreatedAt  identity.Time `json:"created_at"`
	LastUsedAt identity.Time `json:"last_used_at"`
	IPAddress  *text         `json:"ip_address"` // null if unknown
	UserAgent  *text         `json:"user_agent"` // null if unknown
	ActorTypes []string      `json:"actor_types"`
	Current    bool          `json:"current"`
}

type sessionsBody struct {
	Sessions []sessionBody `json:"sessions"`
	Count    int           `json:"count"`
}

type deletedBody struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

// caller returns who sent the request: the latest login of its session or else its
// bearer token, of any actor type. The store is asked, whatever a cache knows.
func (h *Handler) caller(c *call) (person, *identity.Identity, error) {
	p, i, err := h.ofSession(c)
	if identity.ReasonOf(err) == reasonRevoked {
		// Between the two questions a request beside this one may have kept it, and
		// ended the others.
		p, i, err = h.ofSession(c)
	}
	if err == nil {
		return p, i, nil
	}
	if !isNo(err) {
		return person{}, nil, err
	}
	raw, ok := verify.BearerToken(c.Header)
	if !ok {
		return person{}, nil, err // why the session does not do
	}
	claims, err := h.Verifier.VerifyBearer(c.Context(), raw)
	if err != nil {
		return person{}, nil, unauthorized(err)
	}
	i, err = h.Service.Current(c.Context(), *claims)
	return person{Claims: *claims, credential: raw}, i, err
}

const reasonRevoked = "revoked"

// callerForSure is caller where it must not be undone that somebody is refused:
// what ended their credential may have been this very request, which got 503 and
// is sent again, and may not be on the replicas that the store waits for.
func (h *Handler) callerForSure(c *call) (person, *identity.Identity, error) {
	p, i, err := h.caller(c)
	if isNo(err) {
		c.Request = c.WithContext(identity.Durable(c.Context()))
		p, i, err = h.caller(c)
	}
	return p, i, err
}

// ofSession is caller of the session alone.
func (h *Handler) ofSession(c *call) (person, *identity.Identity, error) {
	sid, record, err := h.session(c)
	if err != nil {
		return person{}, nil, err
	}
	p := person{record.Contexts[record.Latest], sessionCredential(sid, record.Latest), sid}
	i, err := h.Service.Current(c.Context(), p.Claims)
	return p, i, err
}

// listSessions shows the caller's own sessions.
func (h *Handler) listSessions(c *call) (answer, error) {
	p, i, err := h.caller(c)
	if err != nil {
		return answer{}, err
	}
	listed, err := h.Sessions.List(c.Context(), i.ID, i.ValidFrom)
	if err != nil {
		return answer{}, err
	}
	body := sessionsBody{Sessions: make([]sessionBody, 0, len(listed)), Count: len(listed)}
	for _, e := range listed {
		body.Sessions = append(body.Sessions, sessionBody{
			ID: e.ID, CreatedAt: identity.Time{Time: e.CreatedAt}, LastUsedAt: identity.Time{Time: e.UsedAt},
			IPAddress: known(e.Address), UserAgent: known(e.Agent), ActorTypes: e.ActorTypes, Current: e.SID == p.sid,
		})
	}
	return jsonAnswer(http.StatusOK, body)
}

func known(s string) *text {
	if s == "" {
		return nil
	}
	t := text(s)
	return &t
}

// deleteSession ends one session of the caller's own. Other people's are not found.
func (h *Handler) deleteSession(c *call) (answer, error) {
	p, i, err := h.callerForSure(c)
	if err != nil {
		return answer{}, err
	}
	sid, err := h.Sessions.EndListed(c.Context(), i.ID, i.ValidFrom, c.id)
	if errors.Is(err, identity.ErrNotFound) { // for sure, as above
		sid, err = h.Sessions.EndListed(identity.Durable(c.Context()), i.ID, i.ValidFrom, c.id)
	}
	if errors.Is(err, identity.ErrNotFound) {
		return answer{}, &identity.Error{
			Code: identity.CodeNotFound, Reason: "session_not_found", Message: "Session with id: " + c.id + " was not found", Err: err,
		}
	}
	if err != nil {
		return answer{}, err
	}
	h.SessionEnded(sid)
	a, err := jsonAnswer(http.StatusOK, deletedBody{ID: c.id, Object: "session", Deleted: true})
	if sid == p.sid {
		a.cookie = h.Sessions.ClearCookie()
	}
	return a, err
}

var errExcept = &identity.Error{
	Code: identity.CodeInvalid, Reason: "except_invalid", Message: "Invalid request: the query may be except=current or nothing",
}

// deleteSessions ends all credentials of the caller, bearer tokens too, or all but
// the one that the request came with.
func (h *Handler) deleteSessions(c *call) (answer, error) {
	// A script that puts an empty id behind the slash means one session, not all.
	if strings.HasSuffix(c.URL.Path, "/") {
		return answer{}, errNoRoute
	}
	query, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return answer{}, errExcept
	}
	except := query["except"]
	// Who mistypes it must not be logged out everywhere.
	others := len(query) == 1 && len(except) == 1 && except[0] == "current"
	if len(query) > 0 && !others {
		return answer{}, errExcept
	}
	p, i, err := h.callerForSure(c)
	if err != nil {
		return answer{}, err
	}
	if others {
		return h.keepCurrent(c, p)
	}
	if err := h.Service.Revoke(c.Context(), i.ID); err != nil {
		if errors.Is(err, identity.ErrNotFound) {
			err = &identity.Error{Code: identity.CodeUnauthorized, Reason: "identity_gone", Err: err}
		}
		return answer{}, err
	}
	h.endRevoked(c, i.ID, "")
	a, err := jsonAnswer(http.StatusOK, successBody{true})
	if p.sid != "" {
		h.endShared(c, p.sid)
		a.cookie = h.Sessions.ClearCookie()
	}
	return a, err
}

// keepTries bounds how often a session is looked at again that requests beside
// this one renew.
const keepTries = 3

// keepCurrent is endOthers, also while the same is asked beside it.
func (h *Handler) keepCurrent(c *call, p person) (a answer, err error) {
	for range keepTries {
		a, err = h.endOthers(c, p)
		if p.sid == "" || identity.CodeOf(err) != identity.CodeUnauthorized {
			return a, err
		}
		again, _, gone := h.caller(c)
		if gone != nil || again.sid != p.sid {
			return answer{}, err
		}
		p = again
	}
	return answer{}, identity.Unavailable("session_contended", err)
}

// endOthers ends all credentials but that of the person: a session goes on as it
// is, for a bearer token there is a new one.
func (h *Handler) endOthers(c *call, p person) (answer, error) {
	var token string
	err := h.Service.RevokeOthers(c.Context(), p.Claims, func(ctx context.Context, fresh identity.Claims, validFrom time.Time) (err error) {
		if p.sid != "" {
			return h.Sessions.Renew(ctx, p.sid, fresh.IdentityID, validFrom, fresh.IssuedAt)
		}
		if token, err = h.Tokens.Access(fresh); err != nil {
			return internal("token_minting", err)
		}
		return nil
	})
	if errors.Is(err, identity.ErrNotFound) { // it ended meanwhile
		err = &identity.Error{Code: identity.CodeUnauthorized, Reason: reasonUnknown, Err: err}
	}
	if p.sid != "" {
		h.SessionEnded(p.sid) // what is cached of it is worth nothing
	}
	if err != nil {
		return answer{}, err
	}
	h.endRevoked(c, p.IdentityID, p.sid)
	if p.sid != "" {
		return jsonAnswer(http.StatusOK, successBody{true})
	}
	h.carry(c.Context(), p.credential, token)
	return jsonAnswer(http.StatusOK, tokenBody{text(token)})
}

// endRevoked ends the sessions of an identity whose credentials were revoked. They
// prove it no more, whether or not that succeeds.
func (h *Handler) endRevoked(c *call, identityID, except string) {
	ended, err := h.Sessions.EndAll(c.Context(), identityID, except)
	for _, sid := range ended {
		h.SessionEnded(sid)
	}
	if err != nil {
		h.warnOfSessions(c, err)
	}
	h.Logger.InfoContext(c.Context(), "credentials revoked by their owner",
		slog.String("auth_identity_id", identityID), slog.Bool("except_current", except != ""))
}

// endShared ends the caller's own session for all who are logged in by it, as a
// log-out does.
func (h *Handler) endShared(c *call, sid string) {
	if err := h.end(c, sid, nil); err != nil {
		h.warnOfSessions(c, err)
	}
}

func (h *Handler) warnOfSessions(c *call, err error) {
	h.Logger.WarnContext(c.Context(), "sessions whose credentials were revoked could not be removed yet",
		slog.String("reason", identity.ReasonOf(err)), slog.Any("error", err))
}
