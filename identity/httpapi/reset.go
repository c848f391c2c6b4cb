package httpapi

import (
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// requestReset accepts a request for a new password. Known and unknown
// identifiers get the same answer.
func (h *Handler) requestReset(c *call) (answer, error) {
	if err := h.Service.Guard(c.actor, c.provider); err != nil {
		return answer{}, err
	}
	request, err := parseResetRequest(c.body)
	if err != nil {
		return answer{}, err
	}
	if err := h.Service.RequestReset(c.Context(), c.actor, c.provider, request.identifier, request.metadata); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, media: mediaText, body: []byte("Created")}, nil
}

// update sets a new password for the holder of a reset token, which counts as a
// bearer only: not in the query, not in the body.
func (h *Handler) update(c *call) (answer, error) {
	token, _ := verify.BearerToken(c.Header)
	if err := h.Service.Update(c.Context(), c.actor, c.provider, token, c.input()); err != nil {
		return answer{}, err
	}
	return jsonAnswer(http.StatusOK, successBody{true})
}
