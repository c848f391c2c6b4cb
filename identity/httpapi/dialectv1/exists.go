package dialectv1

import (
	"net/http"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

type existsBody struct {
	Exists bool `json:"exists"`
}

// exists tells whether an address has an account: by design of the dialect it tells
// anybody.
func (h *Handler) exists(c *call) (answer, error) {
	address := strings.ToLower(c.segment())
	if !plausible(address) {
		return jsonAnswer(http.StatusOK, existsBody{})
	}
	known, err := h.Service.HasAccount(c.Context(), identity.Customer, address)
	if err != nil {
		return answer{}, err
	}
	return jsonAnswer(http.StatusOK, existsBody{known})
}
