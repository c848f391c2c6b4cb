package caddymodule

import (
	"context"
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
func (*adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: revokePath, Handler: aboutSomebody("revoked", func(ctx context.Context, r *Realm, w whom) (any, error) {
			ids, err := r.revoke(ctx, w)
			return revokeAnswer{ids}, err
		})},
		{Pattern: unlockPath, Handler: aboutSomebody("unlocked", func(ctx context.Context, r *Realm, w whom) (any, error) {
			ids, emptied, err := r.unlock(ctx, w)
			return unlockAnswer{ids, emptied}, err
		})},
	}
}

const (
	revokePath = "/auth_sidecar/revoke"
	unlockPath = "/auth_sidecar/unlock"
)

// revokeAnswer says whose credentials ended.
type revokeAnswer struct {
	Revoked []string `json:"revoked"`
}

// unlockAnswer says who was unlocked, and how many limits were in use. There is no
// id of a name that nobody has here, at which somebody guessed all the same.
type unlockAnswer struct {
	Unlocked []string `json:"unlocked"`
	Emptied  int      `json:"emptied"`
}

// aboutSomebody is an endpoint that does something about those whom the request
// names; what is done to them is for its errors.
func aboutSomebody(done string, do func(ctx context.Context, r *Realm, w whom) (answer any, err error)) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodPost {
			return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: errors.New("method not allowed")}
		}
		var request whom
		in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
		in.DisallowUnknownFields() // a misspelt name must not mean somebody else
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
		answer, err := do(r.Context(), realm, request)
		switch {
		case errors.Is(err, identity.ErrNotFound):
			return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: realm.nobody(request)}
		case err != nil:
			realm.logger.Error("somebody could not be "+done, zap.String("reason", identity.ReasonOf(err)), zap.Error(err), remedyField(err))
			// The endpoint may be open to others than those who read the log.
			return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: fmt.Errorf("it is not known whether anything was %s: %s", done, identity.ReasonOf(err))}
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(answer)
	}
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
