package demo_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// page asks the storefront; what that passes on is answered 418.
func page(method, target string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	_ = new(demo.Handler).ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	}))
	return w
}

func TestStorefrontAssets(t *testing.T) {
	t.Parallel()
	for target, media := range map[string]string{
		"/":                  "text/html; charset=utf-8",
		"/?utm_source=x":     "text/html; charset=utf-8",
		"/app.js":            "text/javascript; charset=utf-8",
		"/style.css":         "text/css; charset=utf-8",
		"/app.js?cache=bust": "text/javascript; charset=utf-8",
	} {
		w := page("GET", target, nil)
		if w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s: got %d, %d bytes", target, w.Code, w.Body.Len())
		}
		for name, want := range map[string]string{
			"Content-Type":            media,
			"Content-Security-Policy": contentPolicy,
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-cache",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", target, name, got, want)
			}
		}
		etag := w.Header().Get("Etag")
		if w := page("GET", target, http.Header{"If-None-Match": {etag}}); etag == "" || w.Code != 304 {
			t.Errorf("%s: got %d for its own ETag %q, want 304", target, w.Code, etag)
		}
		if w := page("HEAD", target, nil); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: got %d, %d bytes", target, w.Code, w.Body.Len())
		}
	}
}

func TestStorefrontPassesOn(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"POST /", "GET /index.html", "GET /store/products", "GET //app.js", "GET /../app.js", "DELETE /app.js"} {
		method, target, _ := strings.Cut(line, " ")
		w := page(method, target, nil)
		if w.Code != http.StatusTeapot || w.Header().Get("Content-Security-Policy") != "" {
			t.Errorf("%s: got %d %v", line, w.Code, w.Header())
		}
	}
}

// TestStorefrontFitsItsPolicy: the browser would silently leave out what the
// policy forbids.
func TestStorefrontFitsItsPolicy(t *testing.T) {
	t.Parallel()
	html := page("GET", "/", nil).Body.String()
	for name, forbidden := range map[string]*regexp.Regexp{
		"inline script":  regexp.MustCompile(`(?is)<script[^>]*>[^<]`),
		"inline style":   regexp.MustCompile(`(?i)<style|\sstyle=`),
		"event handler":  regexp.MustCompile(`(?i)\son[a-z]+=`),
		"foreign source": regexp.MustCompile(`(?i)(?:src|href)="(?:https?:)?//`),
	} {
		if found := forbidden.FindString(html); found != "" {
			t.Errorf("%s in the page: %q", name, found)
		}
	}
	script := page("GET", "/app.js", nil).Body.String()
	for _, forbidden := range []string{"innerHTML", "localStorage", "sessionStorage", "document.cookie", "eval("} {
		if strings.Contains(script, forbidden) {
			t.Errorf("the script uses %s", forbidden)
		}
	}
}

// TestStorefrontIsLabelled: every input has a label, every test id is an id, and
// every id that the script asks for exists.
func TestStorefrontIsLabelled(t *testing.T) {
	t.Parallel()
	html := page("GET", "/", nil).Body.String()
	for _, input := range regexp.MustCompile(`<input id="([^"]+)" data-testid="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(html, `<label for="`+input[1]+`">`) {
			t.Errorf("no label for the input %s", input[1])
		}
	}
	for _, element := range regexp.MustCompile(`<[a-z]+ [^>]*data-testid="([^"]+)"[^>]*>`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(element[0], ` id="`+element[1]+`"`) {
			t.Errorf("test id and id differ: %s", element[0])
		}
	}
	script := page("GET", "/app.js", nil).Body.String()
	for _, id := range regexp.MustCompile(`byId\('([^']+)'\)`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(html, ` id="`+id[1]+`"`) {
			t.Errorf("the script asks for the id %s", id[1])
		}
	}
	for _, role := range []string{`id="status" data-testid="status" role="status"`, `id="alert" data-testid="alert" role="alert"`} {
		if !strings.Contains(html, role) {
			t.Errorf("missing: %s", role)
		}
	}
}
