package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func init() {
	caddy.RegisterModule(new(adminAPI))
}

// maxAdminBody bounds a request to the admin endpoints in bytes.
const maxAdminBody = 16 << 10

// adminAPI is what the operator may do, at Caddy's admin endpoint. It keeps nothing:
// Caddy makes it before the app and never cleans it up.
type adminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.auth_sidecar",
		New: func() caddy.Module { return new(adminAPI) },
	}
}

// Routes implements caddy.AdminRouter.
func (a *adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: revokePath, Handler: caddy.AdminHandlerFunc(a.revoke)}}
}

const revokePath = "/auth_sidecar/revoke"

// revokeRequest says whose credentials are to end: by the identity's id, by an
// actor, or by what a provider calls the person.
type revokeRequest struct {
	Realm      string `json:"realm,omitempty"`
	IdentityID string `json:"identity_id,omitempty"`
	ActorType  string `json:"actor_type,omitempty"`
	ActorID    string `json:"actor_id,omitempty"`
	Provider   string `json:"provider,omitempty"`
	Entity     string `json:"entity,omitempty"`
}

// revokeAnswer says whose ended.
type revokeAnswer struct {
	Revoked []string `json:"revoked"`
}

// check returns an error unless the request names somebody in exactly one way.
func (r revokeRequest) check() error {
	ways := 0
	for _, way := range []struct{ one, two string }{{r.IdentityID, r.IdentityID}, {r.ActorType, r.ActorID}, {r.Provider, r.Entity}} {
		if (way.one == "") != (way.two == "") {
			return errors.New("actor_type goes with actor_id, and provider with entity")
		}
		if way.one != "" {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("name an identity_id, or an actor_type and actor_id, or a provider and entity")
	}
	return nil
}

func (*adminAPI) revoke(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: errors.New("method not allowed")}
	}
	var request revokeRequest
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
	in.DisallowUnknownFields() // a misspelt name must not revoke somebody else
	err := in.Decode(&request)
	if err == nil {
		err = request.check()
	}
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
	}
	realm, err := activeRealm(request.Realm)
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
	}
	revoked, err := realm.revoke(r.Context(), request)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("there is no such identity")}
	case err != nil:
		realm.logger.Error("credentials could not be revoked", zap.String("reason", identity.ReasonOf(err)), zap.Error(err), remedyField(err))
		// The endpoint may be open to others than those who read the log.
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: fmt.Errorf("it is not known whether anything was revoked: %s", identity.ReasonOf(err))}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(revokeAnswer{revoked})
}

// activeRealm returns a realm of the configuration that runs.
func activeRealm(name string) (*Realm, error) {
	ctx := caddy.ActiveContext()
	if ctx.Context == nil {
		return nil, errors.New("no configuration is running")
	}
	app, err := ctx.AppIfConfigured("auth_sidecar")
	if err != nil {
		return nil, errors.New("auth_sidecar is not configured")
	}
	return app.(*App).realm(name)
}

// Interface guard
var _ caddy.AdminRouter = (*adminAPI)(nil)
