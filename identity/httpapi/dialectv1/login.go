package dialectv1

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// register makes a customer and logs them in.
func (h *Handler) register(c *call) (answer, error) {
	if err := h.crossOrigin.Check(c.Request); err != nil {
		return answer{}, err
	}
	profile, err := profileOf(c.body)
	if err != nil {
		return answer{}, err
	}
	claims, person, err := h.Service.SignUp(c.Context(), h.input(c), profile)
	if identity.CodeOf(err) == identity.CodeUnauthorized && identity.ReasonOf(err) == "identity_exists" {
		a := encoded(http.StatusUnprocessableEntity, errorBody{
			"invalid_request_error", "duplicate_error", "A customer with the given email already has an account. Log in instead",
		})
		return answer{}, &statusError{a, "identity_exists", err}
	}
	if err != nil {
		return answer{}, err
	}
	if len(person) == 0 {
		i, _, err := h.Service.Account(c.Context(), claims)
		if err != nil {
			return answer{}, err
		}
		if person, err = personOf(i, claims, shapeNew); err != nil {
			return answer{}, err
		}
	}
	return h.loggedIn(c, claims, person)
}

// profileOf returns those members of a registration that describe the person.
func profileOf(b body) (json.RawMessage, error) {
	profile := map[string]string{}
	for _, name := range []string{"first_name", "last_name", "phone"} {
		if text, ok := b.Members[name].(string); ok {
			profile[name] = text
		}
	}
	if len(profile) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(profile)
	if err != nil {
		return nil, internal("json_encoding", err)
	}
	return data, nil
}

// login starts a session. The one that the browser had is dead afterwards.
func (h *Handler) login(c *call) (answer, error) {
	if err := h.crossOrigin.Check(c.Request); err != nil {
		return answer{}, err
	}
	claims, err := h.Service.SignIn(c.Context(), c.route.party.actorType, h.input(c))
	if err != nil {
		return answer{}, refusedLogin(err)
	}
	person, err := h.person(c, claims, shapeLogin)
	if identity.CodeOf(err) == identity.CodeNotFound { // deleted at the backend
		err = &identity.Error{Code: identity.CodeUnauthorized, Reason: identity.ReasonOf(err), Err: err}
	}
	if err != nil {
		return answer{}, refusedLogin(err)
	}
	return h.loggedIn(c, claims, person)
}

// loggedIn starts the session of somebody and shows them.
func (h *Handler) loggedIn(c *call, claims identity.Claims, person json.RawMessage) (answer, error) {
	a, err := h.shown(c, person)
	if err != nil {
		return answer{}, err
	}
	old, _ := h.Sessions.FromRequest(c.Header)
	started, err := h.Sessions.Start(c.Context(), old, claims, h.HTTPS(c.Request))
	if err != nil {
		return answer{}, err
	}
	if old != "" {
		h.SessionEnded(old)
	}
	if started.SetCookie == "" {
		h.Logger.WarnContext(c.Context(), "session cookie not sent: it is always Secure and the request came by plain http",
			slog.String("route", c.route.name()))
	}
	a.cookie = started.SetCookie
	if a.cookie != "" {
		a.device = h.knownDevice(c, claims)
	}
	return a, nil
}

// input is what the provider gets of a request, with what is known of its browser.
func (h *Handler) input(c *call) identity.Input {
	in := c.input()
	in.Device = func(account string) string { return h.Sessions.Device(c.Header, account) }
	return in
}

// knownDevice returns the Set-Cookie line by which the browser is known to the
// account from now on. No session depends on it.
func (h *Handler) knownDevice(c *call, claims identity.Claims) string {
	account, err := h.Service.AccountOf(c.Context(), claims)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return ""
	case err != nil:
		h.Logger.WarnContext(c.Context(), "browser was not made known to its account",
			slog.String("reason", identity.ReasonOf(err)), slog.Any("error", err))
		return ""
	}
	return h.Sessions.DeviceCookie(c.Header, account, h.HTTPS(c.Request))
}

// shown is the answer that shows a person.
func (h *Handler) shown(c *call, person json.RawMessage) (answer, error) {
	return jsonAnswer(http.StatusOK, map[string]json.RawMessage{c.route.party.member: person})
}

// token mints a token and starts no session.
func (h *Handler) token(c *call) (answer, error) {
	claims, err := h.Service.SignIn(c.Context(), c.route.party.actorType, h.input(c))
	if err != nil {
		return answer{}, refusedLogin(err)
	}
	ttl := h.CustomerTTL
	if claims.ActorType == identity.User {
		ttl = h.UserTTL
	}
	claims.ExpiresAt = claims.IssuedAt + int64(ttl/time.Second)
	token, err := h.Tokens.Access(claims)
	if err != nil {
		return answer{}, internal("token_minting", err)
	}
	return jsonAnswer(http.StatusOK, map[string]string{"access_token": token})
}
