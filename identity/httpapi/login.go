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
	claims, err := h.Service.Register(c.Context(), c.actor, c.provider, c.input())
	if err != nil {
		return answer{}, err
	}
	return h.tokenAnswer(claims)
}

func (h *Handler) login(c *call) (answer, error) {
	login, err := h.Service.Authenticate(c.Context(), c.actor, c.provider, c.input())
	if err != nil {
		return answer{}, err
	}
	return h.loginAnswer(login)
}

func (h *Handler) callback(c *call) (answer, error) {
	login, err := h.Service.Callback(c.Context(), c.actor, c.provider, c.input())
	if err != nil {
		return answer{}, err
	}
	return h.loginAnswer(login)
}

func (h *Handler) loginAnswer(login identity.Login) (answer, error) {
	if login.Location != "" {
		return jsonAnswer(http.StatusOK, locationBody{text(login.Location)})
	}
	return h.tokenAnswer(login.Claims)
}

func (h *Handler) tokenAnswer(claims identity.Claims) (answer, error) {
	token, err := h.Tokens.Access(claims)
	if err != nil {
		return answer{}, internal("token_minting", err)
	}
	return jsonAnswer(http.StatusOK, tokenBody{text(token)})
}
