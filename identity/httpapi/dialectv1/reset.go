package dialectv1

import (
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// requestReset accepts a request for a new password. Known and unknown addresses
// get the same answer.
func (h *Handler) requestReset(c *call) (answer, error) {
	err := h.Service.RequestReset(c.Context(), c.route.party.actorType, identity.EmailPass, c.body.address(), nil)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

// reset sets a new password for the holder of a reset token.
func (h *Handler) reset(c *call) (answer, error) {
	claims, err := h.Service.ResetPassword(c.Context(), c.route.party.actorType, c.body.address(), c.body.text("token"), h.input(c))
	if err != nil {
		return answer{}, refusedReset(err)
	}
	if claims.ActorID == "" { // the password is set, but there is nobody on this side of the shop
		return answer{}, refusedReset(&identity.Error{Code: identity.CodeUnauthorized, Reason: "actor_missing"})
	}
	person, err := h.person(c, claims, shapeBare)
	if err != nil {
		return answer{}, err
	}
	return h.shown(c, person)
}
