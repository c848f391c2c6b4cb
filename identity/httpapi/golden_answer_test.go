package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// goldenAnswer is what a client sees of an answer.
type goldenAnswer struct {
	Status  int
	Headers http.Header
	Body    string
}

// answer returns the recorded answer without what no client depends on.
func (e *goldenExchange) answer() goldenAnswer {
	h := maps.Clone(http.Header(e.Response.Headers))
	h.Del("X-Powered-By")
	if e.Response.Status == http.StatusNoContent {
		h.Del("Content-Length") // must not be there (RFC 9110, section 8.6)
	}
	// Nobody may store an answer that depends on a credential, so only the list
	// of providers has a tag here. There it has to be the recorded one.
	if e.Request.Method != http.MethodGet || !strings.HasSuffix(e.Request.Path, "/providers") {
		h.Del("Etag")
	}
	return goldenAnswer{e.Response.Status, h, e.Response.Body}.withoutSecrets()
}

// setBody makes body the representation that the answer is about. {actor} and
// {provider} in it are those of the path.
func (a *goldenAnswer) setBody(e *goldenExchange, body string) {
	if segments := strings.Split(e.Request.Path, "/"); len(segments) > 3 {
		body = strings.NewReplacer("{actor}", segments[2], "{provider}", segments[3]).Replace(body)
	}
	a.Headers.Set("Content-Length", strconv.Itoa(len(body)))
	if e.Request.Method != http.MethodHead {
		a.Body = body
	}
}

// diff lists what is not as expected, or is "".
func (a goldenAnswer) diff(expected goldenAnswer) string {
	var out strings.Builder
	line := func(what, got, want string) {
		if got != want {
			out.WriteString("\n" + what + "\n\tgot  " + got + "\n\twant " + want)
		}
	}
	line("status", strconv.Itoa(a.Status), strconv.Itoa(expected.Status))
	line("body", a.Body, expected.Body)
	names := slices.AppendSeq(slices.Collect(maps.Keys(a.Headers)), maps.Keys(expected.Headers))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		line(name, strings.Join(a.Headers[name], " | "), strings.Join(expected.Headers[name], " | "))
	}
	return out.String()
}
