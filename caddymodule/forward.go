package caddymodule

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

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
// cookie never reaches it; a client's bearer passes if it was proven, a session
// becomes a bearer of its own. previous is what an earlier call forwarded.
func (h *Handler) forward(r *http.Request, previous, caller *verify.Caller) {
	if previous == nil {
		h.realm.sessions.Cut(r.Header)
	}
	switch {
	case caller == nil:
		if previous != nil || verify.PresentsBearer(r.Header) {
			delete(r.Header, "Authorization")
		}
	case caller.Method == verify.Session && h.Forward == "none":
		delete(r.Header, "Authorization")
	case r.Header.Get("Authorization") != caller.Authorization:
		r.Header["Authorization"] = []string{caller.Authorization}
	}
	h.names.set(r.Header, caller)
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
