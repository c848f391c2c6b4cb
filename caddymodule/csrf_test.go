package caddymodule_test

import (
	"net/http"
	"slices"
	"testing"
)

const crossOrigin = `{"type":"forbidden","message":"Cross-origin request refused"}`

// What a page of another site makes a browser send proves nothing by its cookie
// (attack I1); a bearer token is attached by nobody but the shop's own code.
func TestCrossSiteRequests(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar {\ncors https://shop.example.com\n}\nauth_require /mine* customer\n" + mayJoin + "reverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	own := "http://" + s.addr()
	evil := []string{"Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site"}
	const (
		passes  = 200
		refused = 403
	)
	for name, c := range map[string]struct {
		method string
		header []string
		want   int
	}{
		"GET from another site":                    {"GET", evil, passes},
		"HEAD from another site":                   {"HEAD", evil, passes},
		"POST from another site":                   {"POST", evil, refused},
		"PUT from another site":                    {"PUT", evil, refused},
		"PATCH from another site":                  {"PATCH", evil, refused},
		"DELETE from another site":                 {"DELETE", evil, refused},
		"unknown method from another site":         {"PURGE", evil, refused},
		"form":                                     {"POST", slices.Concat(evil, []string{"Content-Type", "application/x-www-form-urlencoded"}), refused},
		"text":                                     {"POST", slices.Concat(evil, []string{"Content-Type", "text/plain"}), refused},
		"multipart":                                {"POST", slices.Concat(evil, []string{"Content-Type", "multipart/form-data; boundary=x"}), refused},
		"method override":                          {"POST", slices.Concat(evil, []string{"X-HTTP-Method-Override", "GET"}), refused},
		"another site, old browser":                {"POST", []string{"Origin", "https://evil.example.com"}, refused},
		"sandboxed frame":                          {"POST", []string{"Origin", "null"}, refused},
		"sandboxed frame, new browser":             {"POST", []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, refused},
		"sub-domain that is not listed":            {"POST", []string{"Origin", "https://blog.example.com", "Sec-Fetch-Site", "same-site"}, refused},
		"listed origin on the same site":           {"POST", []string{"Origin", "https://shop.example.com", "Sec-Fetch-Site", "same-site"}, passes},
		"listed origin on another site":            {"POST", []string{"Origin", "https://shop.example.com", "Sec-Fetch-Site", "cross-site"}, passes},
		"listed origin, old browser":               {"POST", []string{"Origin", "https://shop.example.com"}, passes},
		"listed host by http":                      {"POST", []string{"Origin", "http://shop.example.com", "Sec-Fetch-Site", "cross-site"}, refused},
		"two origins":                              {"POST", []string{"Origin", "https://shop.example.com", "Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site"}, refused},
		"own origin":                               {"POST", []string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, passes},
		"own origin, old browser":                  {"POST", []string{"Origin", own}, passes},
		"typed by a person":                        {"POST", []string{"Sec-Fetch-Site", "none"}, passes},
		"no browser":                               {"POST", nil, passes},
		"WebSocket from another site":              {"GET", slices.Concat(evil, []string{"Connection", "Upgrade", "Upgrade", "websocket"}), refused},
		"WebSocket from another site, old browser": {"GET", []string{"Origin", "https://evil.example.com", "Connection", "Upgrade", "Upgrade", "websocket"}, refused},
		"WebSocket of a listed origin":             {"GET", []string{"Origin", "https://shop.example.com", "Sec-Fetch-Site", "cross-site", "Connection", "Upgrade", "Upgrade", "websocket"}, passes},
		"WebSocket of the own origin":              {"GET", []string{"Origin", own, "Sec-Fetch-Site", "same-origin", "Connection", "Upgrade", "Upgrade", "websocket"}, passes},
	} {
		t.Run(name, func(t *testing.T) {
			for _, target := range []string{"/mine", "/store/x"} {
				r := s.send(t, c.method, target, "", slices.Concat(session(ada), c.header)...)
				switch {
				case c.want == refused:
					r.want(t, http.StatusForbidden, crossOrigin)
					if r.Header["Set-Cookie"] != nil || r.Header["Access-Control-Allow-Origin"] != nil {
						t.Errorf("header %v", r.Header)
					}
				case c.method == "HEAD":
					if r.Header.Get("Echo") == "" {
						t.Errorf("%s: got %d", target, r.StatusCode)
					}
				default:
					wantIdentity(t, r.seen(t), ada.identity())
				}
				// The same request with a bearer counts as it is, cookie or not.
				for _, credential := range [][]string{bearer(ada), slices.Concat(session(ada), bearer(ada))} {
					r := s.send(t, c.method, target, "", slices.Concat(credential, c.header)...)
					if r.Header.Get("Echo") == "" {
						t.Errorf("%s with a bearer: got %d %s", target, r.StatusCode, r.body)
					} else if c.method != "HEAD" {
						wantIdentity(t, r.seen(t), ada.identity())
					}
				}
			}
			// Without a credential there is nothing to abuse.
			r := s.send(t, c.method, "/store/x", "", c.header...)
			if r.Header.Get("Echo") == "" {
				t.Errorf("anonymous: got %d %s", r.StatusCode, r.body)
			}
		})
	}
	for _, got := range s.requests() {
		if got.Header.Get("Origin") == "https://evil.example.com" && got.Method == "POST" && got.Header.Get("Authorization") != "" &&
			got.Header.Get("Authorization") != ada.bearer {
			t.Errorf("a session reached the backend by %v", got)
		}
	}
}

// The session routes themselves are protected alike: nobody is logged out, or
// given a token, by a page of another site.
func TestCrossSiteSessionRoutes(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	evil := []string{"Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site"}
	for _, route := range []struct{ method, target string }{{"DELETE", "/auth/session"}, {"POST", "/auth/token/refresh"}} {
		r := s.send(t, route.method, route.target, "", slices.Concat(session(ada), evil)...)
		if r.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s: got %d %s", route.method, route.target, r.StatusCode, r.body)
		}
	}
	wantIdentity(t, s.send(t, "GET", "/store/x", "", session(ada)...).seen(t), ada.identity())
}
