package httpapi

import (
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// createUser makes an admin user of somebody who came through a provider.
func (h *Handler) createUser(c *call) (answer, error) {
	if err := h.Service.Guard("user", c.provider); err != nil {
		return answer{}, err
	}
	claims, err := h.presentedBearer(c)
	if err != nil {
		return answer{}, err
	}
	if claims.ActorType != "user" {
		return answer{}, &identity.Error{Code: identity.CodeUnauthorized, Reason: "actor_type_mismatch"}
	}
	user, err := h.Service.CreateUser(c.Context(), claims, c.provider)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, media: mediaJSON, body: user}, nil
}
