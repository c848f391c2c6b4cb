package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// person is who sent a request, as somebody of one actor type.
type person struct {
	identity.Claims
	// credential is what RecentLogins knows the login by.
	credential string
	sid        string // of the session that proved the person, or ""
}

// person returns who the request's session proves or else its bearer token, as
// an actor of the type in the path. The store is asked, whatever a cache knows.
func (h *Handler) person(c *call) (person, error) {
	p, err := h.sessionPerson(c)
	if err == nil || !isNo(err) {
		return p, err
	}
	raw, ok := verify.BearerToken(c.Header)
	if !ok {
		return person{}, err // why the session does not do
	}
	old, err := h.Tokens.ParseAccess(raw)
	if err != nil {
		return person{}, unauthorized(err)
	}
	return h.confirm(c, person{Claims: *old, credential: raw})
}

func (h *Handler) sessionPerson(c *call) (person, error) {
	sid, record, err := h.session(c)
	if err != nil {
		return person{}, err
	}
	return h.confirm(c, person{record.Contexts[c.actor], sessionCredential(sid, c.actor), sid})
}

// confirm asks whether the person's claims still hold.
func (h *Handler) confirm(c *call, p person) (person, error) {
	if p.ActorType != c.actor {
		return person{}, &identity.Error{Code: identity.CodeUnauthorized, Reason: "actor_type_mismatch"}
	}
	var err error
	if p.Claims, err = h.Service.Refresh(c.Context(), p.Claims); isNo(err) {
		return person{}, &identity.Error{Code: identity.CodeUnauthorized, Reason: identity.ReasonOf(err), Err: err}
	}
	return p, err
}

// whoIs tells a provider, if it asks, who comes back from a third party. A page
// of a foreign origin may have sent the browser here, by a GET too.
func (h *Handler) whoIs(c *call) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		judged := *c
		judged.Request = c.WithContext(ctx)
		judged.Request.Method = http.MethodPost
		p, err := h.person(&judged)
		return p.IdentityID, err
	}
}

var errLink = &identity.Error{Code: identity.CodeInvalid, Reason: "link_invalid", Message: "link must be true, in a POST request"}

// linkTo returns the identity that is to get the account of the third party to
// which the browser is to go; "" for a login. The member `link` of the body asks
// for it: of somebody who is signed in and logged in lately.
func (h *Handler) linkTo(c *call) (id string, err error) {
	link, asked := c.body.Members["link"]
	if h.Recent == nil || !asked || link == false {
		return "", nil
	}
	if link != true || c.Method != http.MethodPost {
		return "", errLink
	}
	if err := h.Service.Guard(c.actor, c.provider); err != nil {
		return "", err
	}
	p, err := h.person(c)
	if err != nil {
		return "", err
	}
	if _, err := h.loggedInAt(c.Context(), p.credential); err != nil {
		return "", err
	}
	return p.IdentityID, nil
}

type removedBody struct {
	Success bool `json:"success"`
	Token   text `json:"token,omitempty"`
}

// unlink takes a provider away from the person's identity, which ends all its
// credentials. The person stays logged in, by new ones, unless it was by that
// provider.
func (h *Handler) unlink(c *call) (answer, error) {
	p, err := h.person(c)
	if isNo(err) { // for sure, as in callerForSure
		c.Request = c.WithContext(identity.Durable(c.Context()))
		p, err = h.person(c)
	}
	if err != nil {
		return answer{}, err
	}
	at, err := h.loggedInAt(c.Context(), p.credential)
	if err != nil {
		return answer{}, err
	}
	claims, err := h.Service.RemoveProvider(c.Context(), p.Claims, c.provider)
	if err != nil {
		return answer{}, err
	}
	removed := removedBody{Success: true}
	if claims != nil {
		token, err := h.Tokens.Access(*claims)
		if err != nil {
			return answer{}, internal("token_minting", err)
		}
		removed.Token = text(token)
		h.mark(c.Context(), token, at)
	}
	a, err := jsonAnswer(http.StatusOK, removed)
	if p.sid == "" || err != nil {
		return a, err
	}
	// It is removed, whatever becomes of the session: its claims count no more.
	if claims == nil {
		err = h.end(c, p.sid, nil)
		a.cookie = h.Sessions.ClearCookie()
	} else {
		var sid string
		if sid, a.cookie, err = h.start(c, p.sid, *claims); err == nil {
			h.mark(c.Context(), sessionCredential(sid, c.actor), at)
		}
	}
	if err != nil {
		h.Logger.WarnContext(c.Context(), "session was not renewed when a provider was removed",
			slog.String("reason", identity.ReasonOf(err)), slog.Any("error", err))
	}
	return a, nil
}
