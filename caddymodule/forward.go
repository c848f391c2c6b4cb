package caddymodule

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// headerNames are the fields that tell the backend who calls.
type headerNames struct {
	actorID, actorType, identityID, provider string
	own                                      string // folded prefix; "" when off
}

func newHeaderNames(prefix string) (headerNames, error) {
	switch prefix {
	case "off":
		return headerNames{}, nil
	case "":
		prefix = defaultPrefix
	}
	if strings.ContainsFunc(prefix, func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	}) || !strings.HasSuffix(prefix, "-") || len(prefix) < 3 {
		return headerNames{}, fmt.Errorf("headers %q: write a prefix of letters, digits and '-' that ends in '-', such as X-Auth-, or off", prefix)
	}
	name := func(rest string) string { return textproto.CanonicalMIMEHeaderKey(prefix + rest) }
	return headerNames{
		actorID: name("Actor-Id"), actorType: name("Actor-Type"),
		identityID: name("Identity-Id"), provider: name("Provider"),
		own: fold(prefix),
	}, nil
}

// forward rewrites the credentials of the request for the backend. The session
// cookie never reaches it; a client's bearer passes if it was proven and the
// backend can make sense of it, everything else becomes a token minted for the
// backend. previous is what an earlier call forwarded.
func (h *Handler) forward(r *http.Request, previous, caller *verify.Caller) error {
	if previous == nil {
		h.realm.sessions.Cut(r.Header)
		if h.foreignCookie != "" {
			session.Cut(r.Header, h.foreignCookie)
		}
	}
	switch {
	case caller == nil || h.backend != nil && h.backend.knows != nil && !h.backend.knows(caller):
		if caller != nil || previous != nil || verify.PresentsBearer(r.Header) && !h.foreign(r) {
			delete(r.Header, "Authorization")
		}
	case caller.Method == verify.Session && h.Forward == "none":
		delete(r.Header, "Authorization")
	default:
		authorization, err := h.authorization(r, caller)
		if err != nil {
			return err
		}
		if r.Header.Get("Authorization") != authorization {
			r.Header["Authorization"] = []string{authorization}
		}
	}
	h.names.set(r.Header, caller)
	return nil
}

// authorization returns what tells the backend of the caller.
func (h *Handler) authorization(r *http.Request, caller *verify.Caller) (string, error) {
	asIs := caller.Method == verify.Bearer
	if h.backend != nil {
		if err := h.backend.trusted(r.Context()); err != nil {
			return "", err
		}
		// A Medusa v2 would not know a token of the older dialect for one.
		asIs = asIs && !h.backend.all && !caller.Claims.ByActor && (caller.BackendID == "" || caller.BackendID == caller.Claims.IdentityID)
	}
	if asIs {
		return caller.Authorization, nil
	}
	return h.minter.Authorization(caller)
}

func (n *headerNames) set(h http.Header, caller *verify.Caller) {
	if n.own == "" {
		return
	}
	if caller == nil {
		caller = nobody
	}
	c := &caller.Claims
	values := make([]string, 0, 4) // one allocation for all fields
	for _, field := range [...]struct{ name, value string }{
		{n.actorID, c.ActorID}, {n.actorType, c.ActorType}, {n.identityID, c.IdentityID}, {n.provider, c.Provider},
	} {
		if field.value == "" {
			delete(h, field.name)
			continue
		}
		values = append(values, field.value)
		h[field.name] = values[len(values)-1 : len(values) : len(values)]
	}
}

var nobody = new(verify.Caller)
