package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// changeOwnPassword is what a customer sends to change a profile. A password in it
// is the customer's here, and stays the derived one at the backend; the address is
// the one to log in with and stays.
func changeOwnPassword(h *Handler, w http.ResponseWriter, r *http.Request, s *state, next caddyhttp.Handler) error {
	body, err := h.readMembers(w, r)
	if err != nil {
		return h.refuseBody(w, r, err)
	}
	pass, isText := body.text("password")
	if isText || !body.has("password") { // anything else the backend refuses
		delete(body, "password")
	}
	caller := s.caller
	if caller == nil || !knownToV1(caller) || caller.Claims.ActorType != identity.Customer {
		return h.passMembers(w, r, body, next) // which says that nobody is logged in
	}
	if err := h.keepAddress(r, caller, body); err != nil {
		return h.refuseBody(w, r, err)
	}
	if pass == "" { // Medusa ignores it
		return h.passMembers(w, r, body, next)
	}
	if err := password.Check(pass); err != nil {
		return h.refuseBody(w, r, err)
	}
	change, err := h.service.PrepareChange(r.Context(), caller.Claims, pass)
	if err != nil {
		return h.refuseBody(w, r, err)
	}
	if err := body.put(r); err != nil {
		return err
	}
	rec := &recorder{
		choose: func(status int, _ http.Header) course {
			if status == http.StatusOK {
				return record
			}
			return stream
		},
		keep: func([]byte) error {
			fresh, err := h.service.ChangePassword(r.Context(), change)
			if err != nil {
				h.logger.Error("password was not changed", zap.String("reason", identity.ReasonOf(err)),
					zap.String("auth_identity_id", caller.Claims.IdentityID), zap.Error(err), remedyField(err))
				return err
			}
			h.stayLoggedIn(w, r, s, fresh)
			return nil
		},
		tooLarge: func() {}, // the body is not looked at
	}
	return h.run(rec, w, r, next)
}

// keepAddress takes an address out of the body that is the caller's own, as forms
// send it back. Another one is refused: it is the key of the identity.
func (h *Handler) keepAddress(r *http.Request, caller *verify.Caller, body members) error {
	address, isText := body.text("email")
	if !isText {
		return nil // not there, or the backend refuses it
	}
	own, err := h.service.OwnAddress(r.Context(), caller.Claims)
	if err != nil {
		return err
	}
	if !strings.EqualFold(own, address) {
		return &identity.Error{Code: identity.CodeNotAllowed, Reason: "email_fixed", Message: "The e-mail address of an account cannot be changed"}
	}
	delete(body, "email")
	return nil
}

// stayLoggedIn gives the browser that changed the password a new session; all that
// were issued before have ended. A client with a token logs in again.
func (h *Handler) stayLoggedIn(w http.ResponseWriter, r *http.Request, s *state, fresh identity.Claims) {
	filter, ok := w.(*responseFilter)
	if !ok {
		return
	}
	filter.prolong = "" // of the session that has ended
	if s.caller == nil || s.caller.Method != verify.Session {
		return
	}
	started, err := h.realm.sessions.Start(r.Context(), s.result.SID, fresh, https(r))
	if err != nil { // the password is changed, and that is what was asked for
		h.logger.Warn("session ended with a change of password", zap.String("reason", identity.ReasonOf(err)), zap.Error(err))
		return
	}
	h.realm.verifier.ForgetSession(s.result.SID)
	filter.prolong = started.SetCookie
}
