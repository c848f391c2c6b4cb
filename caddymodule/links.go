package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Link is a route of the backend that makes an actor for the caller: signing
// up as a customer, accepting an invite. The actor's id is taken from the
// answer: from a header `X-Auth-Link: <actor type>=<id>` if the backend sends
// one, or from the JSON body.
type Link struct {
	// The actor type that the route makes, and that the caller must have.
	ActorType string `json:"actor_type"`
	// The HTTP method.
	Method string `json:"method"`
	// The path; a segment `*` stands for any one segment.
	Path string `json:"path"`
	// Where the id stands in the JSON body, as `customer.id`. Without it only
	// the header counts.
	JSONPath string `json:"json_path,omitempty"`
}

// Unlink is a route of the backend that deletes an actor.
type Unlink struct {
	// The actor type that the route deletes.
	ActorType string `json:"actor_type"`
	// The HTTP method.
	Method string `json:"method"`
	// The path, in which one segment `*` stands for the actor's id.
	Path string `json:"path"`

	// confirmed: the answer's body must say that this very actor was deleted. A
	// backend that answers 200 to everything must not have identities deleted.
	confirmed bool
}

// Medusa's own routes (reference medusa-v2, section 8).
var (
	medusaLinks = []Link{
		{ActorType: "customer", Method: http.MethodPost, Path: "/store/customers", JSONPath: "customer.id"},
		{ActorType: "user", Method: http.MethodPost, Path: "/admin/invites/accept", JSONPath: "user.id"},
	}
	medusaUnlinks = []Unlink{
		{ActorType: "customer", Method: http.MethodDelete, Path: "/admin/customers/*", confirmed: true},
		{ActorType: "user", Method: http.MethodDelete, Path: "/admin/users/*", confirmed: true},
	}
)

// compileLinks checks the configured rules and puts them before Medusa's own,
// so that they win for the same route.
func compileLinks(links []Link, unlinks []Unlink) ([]Link, []Unlink, error) {
	for _, l := range links {
		if err := checkRoute("link", l.ActorType, l.Method, l.Path); err != nil {
			return nil, nil, err
		}
	}
	for _, u := range unlinks {
		if err := checkRoute("unlink", u.ActorType, u.Method, u.Path); err != nil {
			return nil, nil, err
		}
		if strings.Count(u.Path, "*") != 1 {
			return nil, nil, fmt.Errorf("unlink %s: one segment of the path must be *, where the actor's id stands", u.Path)
		}
	}
	return slices.Concat(links, medusaLinks), slices.Concat(unlinks, medusaUnlinks), nil
}

func checkRoute(rule, actorType, method, route string) error {
	if err := checkActorType(actorType); err != nil {
		return fmt.Errorf("%s %s: %w", rule, route, err)
	}
	switch {
	case strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || method == "":
		return fmt.Errorf("%s %s: %q is no HTTP method; write it in capitals", rule, route, method)
	case !strings.HasPrefix(route, "/") || route != path.Clean(route):
		return fmt.Errorf("%s %s: the path must begin with a slash and be clean", rule, route)
	}
	for segment := range strings.SplitSeq(route, "/") {
		if strings.Contains(segment, "*") && segment != "*" {
			return fmt.Errorf("%s %s: * stands for a whole segment", rule, route)
		}
	}
	return nil
}

// checkActorType refuses what no credential can have as its actor type.
func checkActorType(actorType string) error {
	if !identity.ValidName(actorType) {
		return fmt.Errorf("actor type %q: use letters, digits, '_' and '-', at most 64", actorType)
	}
	return nil
}

// matchRoute compares a request's path with a rule's, the literal segments
// without case, and returns what stands at the last `*`. Empty segments do not
// count: Express finds its routes behind them, too.
func matchRoute(pattern, p string) (star string, ok bool) {
	if strings.Contains(p, "//") {
		p = path.Clean(p)
	}
	p = strings.TrimSuffix(p, "/")
	for {
		var want, got string
		var moreWant, moreGot bool
		want, pattern, moreWant = strings.Cut(pattern, "/")
		got, p, moreGot = strings.Cut(p, "/")
		switch {
		case want == "*" && got != "":
			star = got
		case !strings.EqualFold(want, got):
			return "", false
		}
		if moreWant != moreGot {
			return "", false
		}
		if !moreWant {
			return star, true
		}
	}
}

// linkFor returns the rule for a request that makes an actor, or nil.
func (h *Handler) linkFor(r *http.Request) *Link {
	for i := range h.links {
		if h.links[i].Method == r.Method {
			if _, ok := matchRoute(h.links[i].Path, r.URL.Path); ok {
				return &h.links[i]
			}
		}
	}
	return nil
}

// unlinkFor returns the rule for a request that deletes an actor, and the
// actor's id, or nil.
func (h *Handler) unlinkFor(r *http.Request) (*Unlink, string) {
	for i := range h.unlinks {
		if h.unlinks[i].Method == r.Method {
			if id, ok := matchRoute(h.unlinks[i].Path, r.URL.Path); ok {
				return &h.unlinks[i], id
			}
		}
	}
	return nil, ""
}

// actorIn finds the id at a path such as `customer.id` of a JSON body.
func actorIn(body []byte, jsonPath string) string {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return ""
	}
	for member := range strings.SplitSeq(jsonPath, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = object[member]
	}
	id, _ := value.(string)
	return id
}

// deletes reports whether Medusa says in the body that it deleted the actor.
func deletes(body []byte, actorID string) bool {
	var answer struct {
		ID      string `json:"id"`
		Deleted bool   `json:"deleted"`
	}
	return json.Unmarshal(body, &answer) == nil && answer.Deleted && answer.ID == actorID
}

// actorInHeader finds the id for the actor type in `X-Auth-Link` values.
func actorInHeader(values []string, actorType string) string {
	for _, value := range values {
		for pair := range strings.SplitSeq(value, ",") {
			name, id, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if ok && name == actorType {
				return id
			}
		}
	}
	return ""
}
