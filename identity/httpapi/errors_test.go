package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	unknownError = `{"code":"unknown_error","type":"unknown_error","message":"An unknown error occurred."}`
	unavailable  = `{"type":"unavailable","message":"Service temporarily unavailable"}`
	secretCause  = "WRONGPASS $argon2id$hash of jane@example.com: SELECT 1"
)

func logged(t *testing.T, c httpapi.Config) (*httpapi.Handler, *identitytest.Log) {
	t.Helper()
	log := new(identitytest.Log)
	c.Logger = slog.New(slog.NewJSONHandler(log, nil))
	h, err := httpapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h, log
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New(secretCause)
	for name, test := range map[string]struct {
		err    error
		status int
		body   string
		reason string
	}{
		"invalid":              {&identity.Error{Code: identity.CodeInvalid, Reason: "r1", Message: "Bad <input>", Err: cause}, 400, `{"type":"invalid_data","message":"Bad <input>"}`, "r1"},
		"not allowed":          {&identity.Error{Code: identity.CodeNotAllowed, Reason: "r2", Message: "No"}, 400, `{"type":"not_allowed","message":"No"}`, "r2"},
		"unauthorized":         {&identity.Error{Code: identity.CodeUnauthorized, Reason: "r3", Message: "No", Err: cause}, 401, `{"type":"unauthorized","message":"No"}`, "r3"},
		"unauthorized, silent": {&identity.Error{Code: identity.CodeUnauthorized, Reason: "r4", Err: cause}, 401, `{"message":"Unauthorized"}`, "r4"},
		"forbidden":            {&identity.Error{Code: identity.CodeForbidden, Reason: "r5", Message: "No"}, 403, `{"type":"forbidden","message":"No"}`, "r5"},
		"not found":            {&identity.Error{Code: identity.CodeNotFound, Reason: "r6", Message: "No"}, 404, `{"type":"not_found","message":"No"}`, "r6"},
		"not UTF-8":            {&identity.Error{Code: identity.CodeNotAllowed, Reason: "r11", Message: "a\xffb\b\f\r"}, 400, "{\"type\":\"not_allowed\",\"message\":\"a\ufffdb\\b\\f\\r\"}", "r11"},
		"no message":           {&identity.Error{Code: identity.CodeForbidden, Reason: "r7"}, 403, `{"type":"forbidden","message":"Forbidden"}`, "r7"},
		"wrapped":              {fmt.Errorf("registering: %w", &identity.Error{Code: identity.CodeInvalid, Reason: "r8", Message: "Bad\u2028"}), 400, "{\"type\":\"invalid_data\",\"message\":\"Bad\u2028\"}", "r8"},
		"unavailable":          {fmt.Errorf("x: %w", identity.Unavailable("redis_down", cause)), 503, unavailable, "redis_down"},
		"busy":                 {&identity.Error{Code: identity.CodeUnavailable, Reason: "hash_queue_full", Message: "Too busy with jane@example.com"}, 503, unavailable, "hash_queue_full"},
		"internal":             {&identity.Error{Code: identity.CodeInternal, Reason: "r9", Message: secretCause}, 500, unknownError, "r9"},
		"unknown code":         {&identity.Error{Code: "teapot", Reason: "r10", Message: "No"}, 500, unknownError, "r10"},
		"any error":            {cause, 500, unknownError, "internal"},
		"sentinel":             {fs.ErrNotExist, 500, unknownError, "internal"},
		"out of time":          {fmt.Errorf("asking: %w", context.DeadlineExceeded), 503, unavailable, "internal"},
	} {
		calls := &recorder{refusal: test.err}
		for path, route := range map[string]string{
			"/shop/auth/customer/emailpass/register?x=" + "secret-query": "POST /shop/auth/{actor}/{provider}/register",
			"/shop/auth/secret-actor/secret-provider/update":             "POST /shop/auth/{actor}/{provider}/update",
		} {
			h, log := logged(t, calls.config("/shop/auth"))
			w := send(h, http.MethodPost, path, "application/json", `{"email":"secret-mail","password":"secret-pass"}`)
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("%s: got %d %s", name, w.Code, w.Body)
			}
			if got, want := w.Header().Get("Retry-After"), map[bool]string{true: "1"}[test.status == 503]; got != want {
				t.Errorf("%s: got Retry-After %q", name, got)
			}
			checkLine(t, log.String(), test.reason, test.status, route)
		}
	}
}

// checkLine wants one line about a refusal, with nothing of the request in it.
func checkLine(t *testing.T, lines, reason string, status int, route string) {
	t.Helper()
	var line struct {
		Level, Msg, Reason, Route, Error string
		Status                           int
	}
	if err := json.Unmarshal([]byte(lines), &line); err != nil {
		t.Fatalf("%v: %s", err, lines)
	}
	level := "INFO"
	if status >= 500 {
		level = "WARN"
	}
	if line.Msg != "request refused" || line.Reason != reason || line.Status != status || line.Route != route || line.Level != level {
		t.Errorf("got %s", lines)
	}
	if (line.Error != "") != (status >= 500) {
		t.Errorf("the cause belongs to faults of ours alone: %s", lines)
	}
	if strings.Contains(lines, "secret-") {
		t.Errorf("the line holds data of the request: %s", lines)
	}
}

// TestLogHoldsNoData runs refusals of every kind and searches the log for what
// the client sent.
func TestLogHoldsNoData(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	raw := s.customer("log@example.com", "log-password", "cus_log")
	reset := s.resetToken("log@example.com")
	cookie := s.login(raw)
	for _, test := range refusals(s) {
		s.do(test.request)
	}
	for _, q := range []request{
		post(loginPath, credentials("log@example.com", "wrong-password"), "Authorization", bearer(raw), "Cookie", cookie+"x"),
		post("/auth/log@example.com/"+raw, `{`, "Cookie", cookie), {"GET", "/auth/" + reset + "/x/y/z?token=" + reset, "", nil},
		{"LOGMETHOD", "/auth/session", "", nil},
		{"GET", callbackPath + back("log-state", "log-code"), "", headers("Cookie", "connect.sid.browser=log-browser")},
		post(googlePath, `{"link":true,"callback_url":"https://log-callback"}`, "Authorization", bearer(raw)),
	} {
		s.do(q)
	}
	log := s.log.String()
	if n := strings.Count(log, `"msg":"request refused"`); n < 100 {
		t.Errorf("got %d lines", n)
	}
	for _, secret := range []string{"@", "wrong-password", "pass-1", "log-password", "cus_log", "eyJ", "connect.sid", "LOGMETHOD", "authid_", "koi8", "log-state", "log-code", "log-browser", "log-callback"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// TestPanic: a panic is an answer like any other, and its value stays here.
func TestPanic(t *testing.T) {
	t.Parallel()
	var missing map[string]int
	for name, test := range map[string]struct {
		during func()
		cause  string
	}{
		"of a provider":   {func() { panic(secretCause) }, "string"},
		"error":           {func() { panic(errors.New(secretCause)) }, "*errors.errorString"},
		"of the run time": {func() { missing["x"]++ }, "assignment to entry in nil map"},
	} {
		calls := &recorder{during: test.during}
		h, log := logged(t, calls.config(""))
		w := send(h, http.MethodPost, "/auth/secret-actor/emailpass", "application/json", `{"email":"secret-mail"}`)
		if w.Code != 500 || w.Body.String() != unknownError || w.Header().Get("Access-Control-Allow-Credentials") != "true" || w.Header().Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: got %d %s %v", name, w.Code, w.Body, w.Header())
		}
		var line struct{ Level, Msg, Cause, Stack, Route string }
		if err := json.Unmarshal([]byte(log.String()), &line); err != nil {
			t.Fatalf("%s: %v: %s", name, err, log)
		}
		if line.Level != "ERROR" || line.Cause != test.cause || line.Route != "POST /auth/{actor}/{provider}" || !strings.Contains(line.Stack, "recorder_test.go") {
			t.Errorf("%s: got %s", name, log)
		}
		if strings.Contains(log.String(), secretCause) || strings.Contains(log.String(), "secret-") {
			t.Errorf("%s: the log holds data: %s", name, log)
		}
	}

	// A handler that gives up the connection on purpose may do so.
	h := (&recorder{during: func() { panic(http.ErrAbortHandler) }}).handler(t, "")
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("got %v", v)
		}
	}()
	send(h, http.MethodPost, loginPath, "", "")
}

// TestTokenThatCannotBeMinted and what else fails on the way to an answer.
func TestTokenThatCannotBeMinted(t *testing.T) {
	t.Parallel()
	calls := &recorder{}
	c := calls.config("")
	c.Tokens = &fakeTokens{jwks: `{}`, err: errors.New(secretCause)}
	h, log := logged(t, c)
	if w := send(h, http.MethodPost, loginPath, "", ""); w.Code != 500 || w.Body.String() != unknownError {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	checkLine(t, log.String(), "token_minting", 500, "POST /auth/{actor}/{provider}")
}

// TestClientThatLeft is no fault of ours and nothing to warn of.
func TestClientThatLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	calls := &recorder{during: cancel, refusal: context.Canceled}
	h, log := logged(t, calls.config(""))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, loginPath, nil))
	if w.Code != 503 || !strings.Contains(log.String(), `"level":"INFO"`) || strings.Contains(log.String(), "WARN") {
		t.Errorf("got %d, log %s", w.Code, log)
	}
}

// A client is told how long its bucket stays full, in whole seconds and not too few.
func TestRetryAfterOfLimits(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		0: "1", time.Millisecond: "1", time.Second: "1", 1500 * time.Millisecond: "2", 353*time.Second + 1: "354",
	} {
		refusal := &identity.Error{Code: identity.CodeLimited, Reason: "network_limited", Message: "Too many requests", RetryAfter: wait}
		calls := &recorder{refusal: fmt.Errorf("authenticating: %w", refusal)}
		h, _ := logged(t, calls.config("/auth"))
		w := send(h, http.MethodPost, "/auth/customer/emailpass", "application/json", `{"email":"jane@example.com","password":"guess"}`)
		if got := w.Header().Get("Retry-After"); w.Code != http.StatusTooManyRequests || got != want {
			t.Errorf("%v: got %d, Retry-After %q, want %q", wait, w.Code, got, want)
		}
	}
}
