package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func init() {
	caddy.RegisterModule(new(Require))
}

// Require lets a request pass only if its credentials prove somebody of one of
// the actor types. Others are answered as Medusa answers them: 401
// `{"message":"Unauthorized"}`. It needs the handler `auth_sidecar` before it
// in the same site: a configuration in which none can run before it does not
// start, and a request for which none ran is refused with 500.
//
// When a browser is logged in as several actor types, the rule also decides as
// whom the backend sees the request.
type Require struct {
	// The actor types that may pass; `*` stands for any. Required.
	ActorTypes []string `json:"actor_types"`

	// Let people pass who have logged in but are no actor of the backend yet:
	// for routes that make one. Default: false.
	AllowUnregistered bool `json:"allow_unregistered,omitempty"`

	// The kinds of credential that are accepted: `bearer`, `session` and
	// `api_key`. With the last one, a request with an `Authorization: Basic`
	// field passes unchecked, for the backend to judge its key; only for a
	// backend that does. Default: bearer and session, and on /admin in front of a
	// `backend` api_key as well.
	Methods []string `json:"methods,omitempty"`

	// Let requests without a fitting credential pass as anonymous.
	// Default: false.
	Optional bool `json:"optional,omitempty"`

	actorTypes []string // nil for any
	methods    []verify.Method
	apiKey     bool
}

// CaddyModule returns the Caddy module information.
func (*Require) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.auth_require",
		New: func() caddy.Module { return new(Require) },
	}
}

// Provision checks the rule.
func (q *Require) Provision(ctx caddy.Context) error {
	if err := q.compile(); err != nil {
		return err
	}
	return q.checkKnown(ctx)
}

func (q *Require) compile() error {
	if len(q.ActorTypes) == 0 {
		return errors.New("auth_require names no actor type: write for example customer, user or *")
	}
	if !slices.Contains(q.ActorTypes, "*") {
		q.actorTypes = q.ActorTypes
	} else if len(q.ActorTypes) > 1 {
		return errors.New("auth_require: * already means every actor type, write it alone")
	}
	for _, actorType := range q.actorTypes {
		if err := checkActorType(actorType); err != nil {
			return fmt.Errorf("auth_require: %w", err)
		}
	}
	if len(q.Methods) == 0 {
		return nil
	}
	q.methods = []verify.Method{}
	for _, method := range q.Methods {
		switch method {
		case "bearer", "session":
			q.methods = append(q.methods, verify.Method(method))
		case "api_key":
			q.apiKey = true
		default:
			return fmt.Errorf("auth_require: method %q: use bearer, session or api_key", method)
		}
	}
	return nil
}

var errNoHandler = errors.New("auth_require needs the directive auth_sidecar, for the same requests, in the same site")

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (q *Require) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	s := stateOf(r)
	if s == nil {
		return caddyhttp.Error(http.StatusInternalServerError, errNoHandler)
	}
	if preflight(r) { // carries no credential; the backend's CORS answers it
		return next.ServeHTTP(w, r)
	}
	caller := s.result.First(func(c *verify.Caller) bool { return q.fits(c) && q.accepts(c) })
	switch {
	case caller != nil:
		if caller != s.caller {
			if err := s.tell(r, caller); err != nil {
				return s.handler.unknown(w, r, err)
			}
			if err := s.handler.prepare(r, s); err != nil {
				return s.handler.unprepared(w, r, err)
			}
		}
		return next.ServeHTTP(w, r)
	case q.takesKeys(s.handler, r) && s.handler.presentsKey(r):
		return next.ServeHTTP(w, r)
	case q.Optional:
		if s.caller != nil {
			_ = s.tell(r, nil) // nobody is easily told
		}
		return next.ServeHTTP(w, r)
	}
	s.handler.origins.Allow(w.Header(), r) // as the page could read the backend's answer
	if s.result.First(q.fits) != nil {
		s.handler.refused(r, "method_not_accepted")
		return answerMethod.write(w)
	}
	if s.key && q.takesKeys(s.handler, r) {
		s.handler.refused(r, "api_key_as_bearer")
		return answerKey.write(w)
	}
	s.handler.refused(r, q.reason(s.result))
	return answerUnauthorized.write(w)
}

// takesKeys reports whether the request's API key is for the backend to judge:
// the rule says so or, where it says nothing about methods, it is Medusa, which
// takes them on /admin (reference medusa-v2, section 7).
func (q *Require) takesKeys(h *Handler, r *http.Request) bool {
	return q.apiKey || q.methods == nil && h.backend != nil && below(r.URL.Path, "/admin")
}

// fits reports whether the rule lets the caller pass, whatever proved it.
func (q *Require) fits(c *verify.Caller) bool {
	return (q.actorTypes == nil || slices.Contains(q.actorTypes, c.Claims.ActorType)) &&
		(c.Registered() || q.AllowUnregistered)
}

func (q *Require) accepts(c *verify.Caller) bool {
	return q.methods == nil || slices.Contains(q.methods, c.Method)
}

// reason says for the log why nobody passed.
func (q *Require) reason(result *verify.Result) string {
	switch {
	case result.Anonymous() && result.Refused != "":
		return result.Refused
	case result.Anonymous():
		return "credential_missing"
	case result.First(func(c *verify.Caller) bool { return c.Registered() }) == nil:
		return "actor_missing"
	}
	return "actor_type_mismatch"
}

func presentsBasic(h http.Header) bool {
	values := h["Authorization"]
	return len(values) == 1 && len(values[0]) > 6 && strings.EqualFold(values[0][:6], "Basic ")
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Require)(nil)
	_ caddyhttp.MiddlewareHandler = (*Require)(nil)
)
