package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Origins is a set of web origins. The zero value is empty.
type Origins struct {
	exact    map[string]bool
	patterns []*regexp.Regexp
}

// ParseOrigins reads origins in either of two forms. `https://shop.example.com`
// is one origin: scheme, host and perhaps a port. `/\.example\.com$/` is a
// regular expression, with the flags of JavaScript behind it, as Medusa takes
// them: it is searched for anywhere in the origin, so it is the writer's task to
// anchor it. The syntax is Go's, which has no lookaround and no backreferences.
// The error names the entry that cannot be used.
func ParseOrigins(list []string) (Origins, error) {
	o := Origins{exact: make(map[string]bool, len(list))}
	var errs []error
	for _, entry := range list {
		if strings.HasPrefix(entry, "/") {
			pattern, err := parsePattern(entry)
			if err != nil {
				errs = append(errs, fmt.Errorf("origin %q: %w", entry, err))
				continue
			}
			o.patterns = append(o.patterns, pattern)
			continue
		}
		origin, err := parseOrigin(entry)
		if err != nil {
			errs = append(errs, fmt.Errorf("origin %q: %w", entry, err))
			continue
		}
		o.exact[origin] = true
	}
	if err := errors.Join(errs...); err != nil {
		return Origins{}, err
	}
	return o, nil
}

// Allowed reports whether the value of an Origin field is in the set. The
// origin `null` never is: any sandboxed frame has it.
func (o Origins) Allowed(origin string) bool {
	if origin == "" || origin == "null" {
		return false
	}
	if o.exact[origin] {
		return true
	}
	for _, p := range o.patterns {
		if p.MatchString(origin) {
			return true
		}
	}
	return false
}

// parseOrigin returns the origin as browsers send it (RFC 6454, section 6.2).
func parseOrigin(s string) (string, error) {
	if s == "*" {
		return "", errors.New("credentials are allowed, and browsers refuse * with them; list the origins")
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", errors.New("write it as https://shop.example.com")
	}
	if !strings.EqualFold(s, u.Scheme+"://"+u.Host) {
		return "", errors.New("an origin is a scheme, a host and perhaps a port, and nothing behind them, not even a slash")
	}
	host := strings.ToLower(u.Host)
	for _, c := range []byte(host) {
		if c >= 0x80 || c == '*' {
			return "", errors.New("write the host in ASCII (xn--…) and without wildcards; for many hosts use a /regular expression/")
		}
	}
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host, nil
}

var patternForm = regexp.MustCompile(`^/(.+)/([gimsuy]*)$`)

func parsePattern(s string) (*regexp.Regexp, error) {
	m := patternForm.FindStringSubmatch(s)
	if m == nil {
		return nil, errors.New("write a regular expression as /…/ with flags of gimsuy behind it")
	}
	flags := ""
	for _, f := range "ims" { // g, u and y make no difference to one search
		if strings.ContainsRune(m[2], f) {
			flags += string(f)
		}
	}
	expression := m[1]
	if flags != "" {
		expression = "(?" + flags + ")" + expression
	}
	pattern, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("not a regular expression that can be used: %w", err)
	}
	return pattern, nil
}
