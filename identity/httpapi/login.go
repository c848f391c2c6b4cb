package httpapi

import (
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

type tokenBody struct {
	Token text `json:"token"`
}

type locationBody struct {
	Location text `json:"location"`
}

func (h *Handler) register(c *call) (answer, error) {
	claims, err := h.Service.Register(c.Context(), c.actor, c.provider, h.input(c))
	if err != nil {
		return answer{}, err
	}
	return h.loggedIn(c, claims)
}

// login logs in, or begins to at a third party: to be somebody, or to link an
// account to who one is.
func (h *Handler) login(c *call) (answer, error) {
	in := h.browserInput(c)
	var err error
	if in.LinkTo, err = h.linkTo(c); err != nil {
		return answer{}, err
	}
	login, err := h.Service.Authenticate(c.Context(), c.actor, c.provider, in)
	if err != nil {
		return answer{}, err
	}
	if login.Location == "" {
		return h.loggedIn(c, login.Claims)
	}
	a, err := jsonAnswer(http.StatusOK, locationBody{text(login.Location)})
	a.cookie = h.Sessions.BrowserCookie(in.Browser, h.HTTPS(c.Request))
	return a, err
}

func (h *Handler) callback(c *call) (answer, error) {
	in := h.browserInput(c)
	in.Person = h.whoIs(c)
	login, err := h.Service.Callback(c.Context(), c.actor, c.provider, in)
	if err != nil {
		return answer{}, err
	}
	return h.loggedIn(c, login.Claims)
}

// input is what providers get of a request.
func (h *Handler) input(c *call) identity.Input {
	in := c.input()
	in.Device = func(account string) string { return h.Sessions.Device(c.Header, account) }
	return in
}

// browserInput is what providers get of a request of a browser that goes to a
// third party or comes back.
func (h *Handler) browserInput(c *call) identity.Input {
	in := h.input(c)
	in.Browser = h.Sessions.Browser(c.Header)
	return in
}

// loggedIn answers with a token, of somebody who proved now who they are. To
// register counts as that: it takes the password.
func (h *Handler) loggedIn(c *call, claims identity.Claims) (answer, error) {
	token, a, err := h.mint(claims)
	if err == nil {
		h.mark(c.Context(), token, h.Clock())
	}
	return a, err
}

// mint makes a token and the answer that consists of it.
func (h *Handler) mint(claims identity.Claims) (token string, a answer, err error) {
	if token, err = h.Tokens.Access(claims); err != nil {
		return "", answer{}, internal("token_minting", err)
	}
	a, err = jsonAnswer(http.StatusOK, tokenBody{text(token)})
	return token, a, err
}
