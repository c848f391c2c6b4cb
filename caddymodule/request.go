package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

const (
	stateVar        = "auth_sidecar"
	trustedProxyVar = caddyhttp.TrustedProxyVarKey
)

// state is what the handler leaves in the request for auth_require and for
// placeholders.
type state struct {
	handler *Handler
	result  *verify.Result
	caller  *verify.Caller // the one that the backend is told of, or nil
	key     bool           // a secret API key came as a bearer
	link    *Link          // the rule for a request that makes an actor, or nil
}

// String keeps tokens out of `{http.vars.auth_sidecar}`.
func (*state) String() string { return "[redacted]" }

// anonymous is the result for requests without credentials. It is shared.
var anonymous = new(verify.Result)

func stateOf(r *http.Request) *state {
	s, _ := requestVar(r, stateVar).(*state)
	return s
}

func requestVar(r *http.Request, key string) any { return caddyhttp.GetVar(r.Context(), key) }

// introduce leaves the state in the request. Placeholders and access-log fields
// follow it, so they are there for anonymous requests too: Caddy leaves a
// placeholder that nobody provides as it is, and a backend that is told
// `{http.auth.user.id}` may take it for somebody.
func (s *state) introduce(r *http.Request) {
	first := stateOf(r) == nil // a second handler of the same site may be about to replace it
	caddyhttp.SetVar(r.Context(), stateVar, s)
	if !first {
		return
	}
	now := current{r}
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(now.placeholder)
	}
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Add(zap.Inline(now))
	}
}

// tell makes the caller known to the backend. nil makes the request anonymous.
// The error says that the backend cannot be told; the request must not go there.
func (s *state) tell(r *http.Request, caller *verify.Caller) error {
	previous := s.caller
	s.caller = caller
	return s.handler.forward(r, previous, caller)
}

// current is whoever makes a request, as far as it is known by now.
type current struct{ *http.Request }

func (c current) caller() *verify.Caller {
	if s := stateOf(c.Request); s != nil && s.caller != nil {
		return s.caller
	}
	return nobody
}

// MarshalLogObject implements zapcore.ObjectMarshaler: as whom the backend saw
// the request in the end.
func (c current) MarshalLogObject(log zapcore.ObjectEncoder) error {
	if who := c.caller(); who != nobody {
		log.AddString("auth_identity_id", who.Claims.IdentityID)
		log.AddString("actor_type", who.Claims.ActorType)
	}
	return nil
}

// placeholder provides `{http.auth.user.*}`, empty for nobody.
// `{http.auth.user.id}` is also the access log's user_id: an id, not an e-mail
// address.
func (c current) placeholder(key string) (any, bool) {
	field, ok := strings.CutPrefix(key, "http.auth.user.")
	if !ok {
		return nil, false
	}
	who := c.caller()
	switch field {
	case "id":
		return who.Claims.IdentityID, true
	case "actor_id":
		return who.Claims.ActorID, true
	case "actor_type":
		return who.Claims.ActorType, true
	case "provider":
		return who.Claims.Provider, true
	case "method":
		return string(who.Method), true
	}
	return nil, false
}
