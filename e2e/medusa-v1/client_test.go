//go:build unix && medusa

package medusav1

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// runClient runs the scripts of client/ against a server, in both modes of the
// official client.
func runClient(t *testing.T, url string, answers e2e.Answers, env ...string) {
	project := scripts(t)
	for _, mode := range []string{"token", "session"} {
		for _, script := range []string{"customer", "staff"} {
			t.Run(mode+" "+script, func(t *testing.T) {
				e2e.RunScript(t, project, "client/"+script+".mjs", append([]string{
					"SHOP_URL=" + url, "MODE=" + mode, "ADMIN_EMAIL=" + adminEmail, "ADMIN_PASSWORD=" + adminPassword,
				}, env...), answers)
			})
		}
	}
}

// What the scripts expect of the sidecar is what Medusa itself does.
func testClientAlone(t *testing.T, backend *medusa) {
	runClient(t, backend.URL(), e2e.Answers{
		"invite":     func(email string) any { return backend.event(t, "invite.created", "user_email", email) },
		"reset":      func(email string) any { return backend.event(t, "customer.password_reset", "email", email) },
		"reset user": func(email string) any { return backend.event(t, "user.password_reset", "email", email) },
	}, "ALONE=1")
}

// The official client works through the sidecar, with tokens and with cookies.
func testClient(t *testing.T, s *shop) {
	runClient(t, s.caddy.URL(), e2e.Answers{
		"invite":     func(email string) any { return s.backend.event(t, "invite.created", "user_email", email) },
		"reset":      func(email string) any { return s.reset(t, "customer", email) },
		"reset user": func(email string) any { return s.reset(t, "user", email) },
	})
}

// A page of another origin uses the shop with `credentials: "include"`.
func testPage(t *testing.T, backend *medusa) {
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>A page</title><body>")
	}))
	t.Cleanup(pages.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(pages.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	// The shop is on another port of the same host: an origin of its own, and the
	// same site, without which a browser keeps cookies from plain http.
	page := "http://127.0.0.1:" + port
	// What Medusa answers itself is allowed to pages of its own list.
	s := newShop(t, backend, backend.Addr(), "PAGE="+page)
	e2e.RunScript(t, scripts(t), "pages/page.mjs", []string{
		"SHOP_URL=" + s.caddy.URL(), "PAGE=" + page, "STRANGER=http://localhost:" + port,
		"EMAIL=" + customerEmail, "PASSWORD=" + customerPassword, "ORDER=" + backend.OrderID,
	}, nil)
}
