package httpapi_test

import (
	"regexp"
	"strings"
)

// Classes of recorded exchanges.
const (
	goldenReplayed = "replayed"
	goldenMFA      = "later: mfa and verification"
	goldenStore    = "out of scope: store"
	goldenAdmin    = "out of scope: admin"
	goldenOther    = "out of scope: other paths of the backend"
)

// goldenRoutes says what becomes of an exchange by its method and path. The
// first match counts. There is no default: what nothing matches fails the test.
var goldenRoutes = []struct {
	class   string
	pattern *regexp.Regexp
}{
	{goldenStore, regexp.MustCompile(`^\w+ /store/`)},
	{goldenAdmin, regexp.MustCompile(`^\w+ /admin/`)},
	{goldenOther, regexp.MustCompile(`^\w+ /(cloud/auth|health|nothing)$`)},
	{goldenMFA, regexp.MustCompile(`^\w+ /auth/(mfa|verification)/`)},
	{goldenReplayed, regexp.MustCompile(`^\w+ /auth/token/refresh$`)},
	{goldenReplayed, regexp.MustCompile(`^\w+ /auth/session$`)},
	{goldenReplayed, regexp.MustCompile(`^\w+ /auth/\w+/providers$`)},
	{goldenReplayed, regexp.MustCompile(`^\w+ /auth/\w+/[\w%]+(/(register|callback|reset-password|update))?/?(\?|$)`)},
	{goldenReplayed, regexp.MustCompile(`^\w+ /auth(/customer|/nothing|/x/y/z/w)?$`)}, // unknown paths
}

// class returns the class of the exchange, or "" if it is of none.
func (e *goldenExchange) class() string {
	for _, r := range goldenRoutes {
		if !r.pattern.MatchString(e.Request.Method + " " + e.Request.Path) {
			continue
		}
		if r.class == goldenReplayed && e.asksForMore() {
			return goldenMFA
		}
		return r.class
	}
	return ""
}

// asksForMore reports whether a second factor or a verified address had to do
// with the exchange.
func (e *goldenExchange) asksForMore() bool {
	b, m := e.bearer(), e.minted()
	return b != nil && b.MFAEnabled || m != nil && m.MFAEnabled ||
		strings.HasPrefix(e.Response.Body, `{"mfa_required":`) ||
		strings.HasPrefix(e.Response.Body, `{"verification_required":`)
}
