package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// Path parameters in patterns.
const (
	actorParam    = "{actor}"
	providerParam = "{provider}"
	idParam       = "{id}"
)

// route is one method of one path below the prefix.
type route struct {
	method  string
	pattern []string // literals and parameters
	// serve makes the answer; nil for routes of Medusa that are not served.
	serve func(*Handler, *call) (answer, error)
}

// params are what stands in a path for the parameters of its pattern.
type params struct{ actor, provider, id string }

// call is a request on its way through a route.
type call struct {
	*http.Request
	params
	route *route
	body  body
}

// routes returns the table. Literal paths come before parameters: the first
// entry that fits method and path is the route (reference medusa-v2, section
// 1). The order of a path's methods is that of Express's answer to OPTIONS.
func routes(keys, backend, links bool) []route {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	table := []route{
		{method: post, pattern: split("token/refresh"), serve: (*Handler).refresh},
		{method: post, pattern: split("session"), serve: (*Handler).startSession},
		{method: del, pattern: split("session"), serve: (*Handler).endSession},
		{method: get, pattern: split("sessions"), serve: (*Handler).listSessions},
		{method: del, pattern: split("sessions"), serve: (*Handler).deleteSessions},
		{method: del, pattern: split("sessions/{id}"), serve: (*Handler).deleteSession},
		{method: get, pattern: split(".well-known/jwks.json"), serve: (*Handler).keySet},
		// Without these, they would be taken for logins of an actor type `mfa`.
		{method: get, pattern: split("mfa/factors"), serve: (*Handler).listFactors},
		{method: post, pattern: split("mfa/factors"), serve: (*Handler).addFactor},
		{method: post, pattern: split("mfa/factors/{id}/verify"), serve: (*Handler).verifyFactor},
		{method: del, pattern: split("mfa/factors/{id}"), serve: (*Handler).deleteFactor},
		{method: post, pattern: split("mfa/recovery-codes"), serve: (*Handler).recoveryCodes},
		{method: post, pattern: split("mfa/challenges/{id}/verify"), serve: (*Handler).verifyChallenge},
		{method: post, pattern: split("verification/request"), serve: (*Handler).requestVerification},
		{method: post, pattern: split("verification/confirm"), serve: (*Handler).confirmVerification},
		{method: post, pattern: split("{provider}/user"), serve: (*Handler).createUser},
		{method: get, pattern: split("{actor}/providers"), serve: (*Handler).listProviders},
		{method: post, pattern: split("{actor}/{provider}/register"), serve: (*Handler).register},
		{method: get, pattern: split("{actor}/{provider}/callback"), serve: (*Handler).callback},
		{method: post, pattern: split("{actor}/{provider}/callback"), serve: (*Handler).callback},
		{method: post, pattern: split("{actor}/{provider}/reset-password"), serve: (*Handler).requestReset},
		{method: post, pattern: split("{actor}/{provider}/update"), serve: (*Handler).update},
		{method: post, pattern: split("{actor}/{provider}"), serve: (*Handler).login},
		{method: get, pattern: split("{actor}/{provider}"), serve: (*Handler).login},
	}
	if links {
		table = append(table, route{method: del, pattern: split("{actor}/{provider}"), serve: (*Handler).unlink})
	}
	if !keys {
		i := slices.IndexFunc(table, func(r route) bool { return r.pattern[0] == ".well-known" })
		table[i].serve = nil
	}
	if !backend {
		for i := range table {
			if slices.Contains([]string{"mfa", "verification"}, table[i].pattern[0]) || table[i].pattern[len(table[i].pattern)-1] == "user" {
				table[i].serve = nil
			}
		}
	}
	return table
}

func split(pattern string) []string { return strings.Split(pattern, "/") }

// match reports whether the segments fit, and which parameters they hold.
func (r *route) match(segments []string) (p params, ok bool) {
	if len(segments) != len(r.pattern) {
		return params{}, false
	}
	for i, s := range segments {
		switch pattern := r.pattern[i]; {
		case pattern == actorParam:
			p.actor = s
		case pattern == providerParam:
			p.provider = s
		case pattern == idParam:
			p.id = s
		case !sameLiteral(s, pattern):
			return params{}, false
		}
	}
	return p, true
}

// find returns the call of the route for the method and path, or false if none
// is served.
func (h *Handler) find(method string, segments []string) (*call, bool) {
	for i := range h.routes {
		r := &h.routes[i]
		if r.method != method {
			continue
		}
		if p, ok := r.match(segments); ok {
			return &call{route: r, params: p}, r.serve != nil
		}
	}
	return nil, false
}

// allowed returns the methods of the path, as Express lists them.
func (h *Handler) allowed(segments []string) []string {
	var methods []string
	add := func(method string) {
		if !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
	}
	for i := range h.routes {
		method := h.routes[i].method
		if _, ok := h.routes[i].match(segments); !ok {
			continue
		}
		if _, served := h.find(method, segments); !served {
			continue
		}
		add(method)
		if method == http.MethodGet {
			add(http.MethodHead)
		}
	}
	return methods
}

// name is the route in logs: without anything that a client chose.
func (h *Handler) name(r *route) string {
	if r == nil {
		return ""
	}
	return r.method + " " + h.Prefix + "/" + strings.Join(r.pattern, "/")
}
