package caddymodule

import (
	"net/http"

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
	// mapped: the placeholders and log fields are in place and follow caller.
	mapped bool
}

// String keeps tokens out of `{http.vars.auth_sidecar}`.
func (*state) String() string { return "[redacted]" }

func stateOf(r *http.Request) *state {
	s, _ := requestVar(r, stateVar).(*state)
	return s
}

func requestVar(r *http.Request, key string) any { return caddyhttp.GetVar(r.Context(), key) }

// tell makes the caller known: to the backend by headers, to Caddy by
// placeholders and access-log fields. nil makes the request anonymous.
func (s *state) tell(r *http.Request, caller *verify.Caller) {
	previous := s.caller
	s.caller = caller
	s.handler.forward(r, previous, caller)
	if caller == nil {
		return
	}
	if s.mapped {
		return
	}
	s.mapped = true
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(s.placeholder)
	}
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Add(zap.Inline(s))
	}
}

// MarshalLogObject adds the caller to the access log, as whom the backend saw
// the request in the end.
func (s *state) MarshalLogObject(log zapcore.ObjectEncoder) error {
	if s.caller != nil {
		log.AddString("auth_identity_id", s.caller.Claims.IdentityID)
		log.AddString("actor_type", s.caller.Claims.ActorType)
	}
	return nil
}

// placeholder provides `{http.auth.user.*}`. `{http.auth.user.id}` is also the
// access log's user_id: an id, not an e-mail address.
func (s *state) placeholder(key string) (any, bool) {
	const namespace = "http.auth.user."
	if len(key) <= len(namespace) || key[:len(namespace)] != namespace || s.caller == nil {
		return nil, false
	}
	claims := &s.caller.Claims
	switch key[len(namespace):] {
	case "id":
		return claims.IdentityID, true
	case "actor_id":
		return claims.ActorID, true
	case "actor_type":
		return claims.ActorType, true
	case "provider":
		return claims.Provider, true
	case "method":
		return string(s.caller.Method), true
	}
	return nil, false
}
