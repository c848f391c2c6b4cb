package dialectv1

import (
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// field is a member that a body may have, with its rules in the order in which
// class-validator reports them.
type field struct {
	name     string
	optional bool // absent or null is fine
	rules    []rule
}

type rule struct {
	holds   func(any) bool
	message string // behind the member's name
}

var (
	isString = rule{func(v any) bool { _, ok := v.(string); return ok }, "must be a string"}
	notEmpty = rule{func(v any) bool { return v != nil && v != "" }, "should not be empty"}
	isEmail  = rule{func(v any) bool { s, ok := v.(string); return ok && plausible(s) }, "must be an email"}
)

// schema is the members of a body, in the order of their declaration in v1.
type schema []field

// The bodies (reference medusa-v1, section 2). v1 registers a guest, with a session
// of his own, for an empty password; here a new account or password must have one.
var (
	storeLogin   = schema{{"email", false, []rule{isEmail}}, {"password", false, []rule{notEmpty}}}
	adminLogin   = schema{{"email", false, []rule{notEmpty, isEmail}}, {"password", false, []rule{notEmpty, isString}}}
	registration = schema{
		{"first_name", true, []rule{isString}}, {"last_name", true, []rule{isString}}, {"email", false, []rule{isEmail}},
		{"password", false, []rule{isString, filled}}, {"phone", true, []rule{isString}},
	}
	resetRequest = schema{{"email", false, []rule{isEmail}}}
	storeReset   = schema{{"email", false, []rule{isEmail}}, {"token", false, []rule{isString}}, {"password", false, []rule{isString, filled}}}
	adminReset   = schema{{"email", true, []rule{isEmail}}, {"token", false, []rule{isString}}, {"password", false, []rule{isString, filled}}}
	filled       = rule{func(v any) bool { return v != "" }, "should not be empty"}
)

// check returns an error with CodeInvalid that lists everything wrong: members that
// v1 does not know first.
func (s schema) check(b body) error {
	if b.array {
		return invalid("an unknown value was passed to the validate function")
	}
	var wrong []string
	for _, name := range b.Names {
		if !s.knows(name) {
			wrong = append(wrong, "property "+shortened(name)+" should not exist")
		}
	}
	for _, f := range s {
		v := b.Members[f.name]
		if f.optional && v == nil {
			continue
		}
		for _, r := range f.rules {
			if !r.holds(v) {
				wrong = append(wrong, f.name+" "+r.message)
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return invalid(strings.Join(wrong, ", "))
}

func (s schema) knows(name string) bool {
	for _, f := range s {
		if f.name == name {
			return true
		}
	}
	return false
}

// shortened keeps an answer from becoming as long as the request.
func shortened(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

func invalid(message string) error {
	return &identity.Error{Code: identity.CodeInvalid, Reason: "body_invalid", Message: message}
}
