//go:build unix

package attacks

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// folded is a name as the most forgiving backend reads it.
func folded(name string) string {
	return strings.NewReplacer("_", "-", ".", "-", " ", "").Replace(strings.ToLower(name))
}

// identityIn returns the identity fields among those, folded. Several of one name
// are joined.
func identityIn(fields [][2]string, prefixes ...string) map[string]string {
	found := make(map[string]string)
	for _, f := range fields {
		name := folded(f[0])
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		if _, twice := found[name]; twice {
			found[name] += "|"
		}
		found[name] += f[1]
	}
	return found
}

// judge compares what became of the request with the verdict and with what holds
// for every request. It returns what is wrong.
func (s *shop) judge(r *request, a *answer, err error) (wrong []string) {
	fault := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if errors.Is(err, errBroken) && r.Broken {
		a, err = nil, nil
	}
	if err != nil {
		return []string{err.Error()}
	}
	seen := s.sawOf(r.id)
	v := verdicts[r.Verdict]
	if a != nil {
		reached := a.header.Get("Echo") != ""
		// A protocol refuses before anybody judges: 400 instead of an answer.
		if (reached != v.reached && !v.either || !slices.Contains(v.statuses, a.status)) && !(r.Broken && !reached && a.status == 400) {
			fault("answered %d (backend: %t) %.200s; want it: %s", a.status, reached, a.body, r.Verdict)
		}
		wrong = append(wrong, judgeAnswer(r, a, s)...)
	}
	if len(seen) > 1 || len(seen) == 1 && !v.reached {
		fault("the backend got %d requests: %+v", len(seen), seen)
	}
	for _, got := range seen {
		wrong = append(wrong, s.judgeSeen(r, got)...)
	}
	return wrong
}

func (s *shop) judgeSeen(r *request, got received) (wrong []string) {
	fault := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("the backend got "+format, args...))
	}
	prefix := "x-auth-"
	if strings.HasSuffix(r.site, "own.test") {
		prefix = "x-shop-"
	}
	if want, have := s.people[r.As].identity(prefix), identityIn(got.Fields, "x-auth-", prefix); !r.Anybody && !maps.Equal(want, have) {
		fault("the identity %v, want %v, in %q", have, want, got.Fields)
	}
	if have := identityIn(got.Trailers, "x-auth-", prefix); len(have) > 0 {
		fault("the trailers %v", have)
	}
	for _, reading := range readings(got.Target) {
		if area := protectedArea(r.site, reading); area != "" && r.As == "" && got.Method != http.MethodOptions {
			fault("%s, which can be read as %s, below %s", got.Target, reading, area)
		}
	}
	for _, list := range append(got.all("Connection"), got.all("Trailer")...) {
		for name := range strings.SplitSeq(list, ",") {
			if f := folded(strings.TrimSpace(name)); strings.HasPrefix(f, prefix) || f == "authorization" || f == "cookie" {
				fault("%q listed", name)
			}
		}
	}
	if values := got.all("Authorization"); len(values) > 1 {
		fault("Authorization twice: %q", values)
	}
	for _, line := range got.all("Cookie") {
		if strings.Contains(line, "connect.sid=") {
			fault("the session's cookie: %q", line)
		}
	}
	for _, f := range r.Seen {
		if values := got.all(f[0]); len(values) != 1 || values[0] != s.fill(f[1]) {
			fault("%s %q, want once %q", f[0], values, s.fill(f[1]))
		}
	}
	all := strings.ToLower(fmt.Sprintf("%s %q %q %s", got.Target, got.Fields, got.Trailers, got.Body))
	for _, text := range r.Unseen {
		if strings.Contains(all, strings.ToLower(s.fill(text))) {
			fault("%q in %s", text, all)
		}
	}
	return wrong
}

func judgeAnswer(r *request, a *answer, s *shop) (wrong []string) {
	fault := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("the answer has "+format, args...))
	}
	cookies := a.header["Set-Cookie"]
	if len(cookies) > 0 && !r.Cookie {
		fault("the cookies %q", cookies)
	}
	for _, c := range cookies {
		attributes := strings.ToLower(c)
		for _, want := range []string{"; path=/", "; httponly", "; secure", "; samesite=lax"} {
			if !strings.Contains(attributes, want) {
				fault("a cookie without %s: %s", want, c)
			}
		}
		if strings.Contains(attributes, "domain=") {
			fault("a cookie for a domain: %s", c)
		}
	}
	if a.header.Get("Cache-Control") != "private, no-store" && dependsOnCredential(r, a) {
		fault("%d and may be cached: %q", a.status, a.header)
	}
	for _, f := range r.Answer {
		if values := a.header.Values(f[0]); len(values) != 1 || values[0] != s.fill(f[1]) {
			fault("%s %q, want once %q", f[0], values, s.fill(f[1]))
		}
	}
	text := strings.ToLower(a.text())
	for _, unwanted := range append(slices.Clone(r.Unanswered), jwtSecret, cookieSecret, otherJWT, otherCookie, providerSecret, secretFile) {
		if strings.Contains(text, strings.ToLower(s.fill(unwanted))) {
			fault("%q: %s", unwanted, text)
		}
	}
	return wrong
}

// dependsOnCredential reports whether the answer is the sidecar's and could be
// another one for somebody else (attack F8).
func dependsOnCredential(r *request, a *answer) bool {
	ours := a.header.Get("Echo") == "" && strings.HasPrefix(a.header.Get("Content-Type"), "application/json")
	same := a.status == http.StatusNotFound || a.status == http.StatusBadRequest || strings.HasSuffix(r.target, "/providers")
	return ours && !same
}
