package httpapi

import (
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

type providersBody struct {
	Providers []identity.ProviderInfo `json:"providers"`
}

func (h *Handler) listProviders(c *call) (answer, error) {
	a, err := jsonAnswer(http.StatusOK, providersBody{h.Service.Providers(c.actor)})
	a.public, a.tagged = true, true
	return a, err
}

func (h *Handler) keySet(*call) (answer, error) {
	return answer{status: http.StatusOK, media: mediaJWKS, body: h.jwks, public: true}, nil
}
