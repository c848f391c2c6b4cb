package identity_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	no := &identity.Error{Code: identity.CodeUnauthorized, Reason: "revoked"}
	down := identity.Unavailable("store_refused", io.EOF)
	for _, test := range []struct {
		err          error
		code         identity.Code
		reason, text string
	}{
		{nil, "", "internal", ""},
		{io.EOF, identity.CodeInternal, "internal", "EOF"},
		{identity.ErrNotFound, identity.CodeInternal, "internal", "not found"},
		{no, identity.CodeUnauthorized, "revoked", "unauthorized"},
		{fmt.Errorf("refreshing: %w", no), identity.CodeUnauthorized, "revoked", "refreshing: unauthorized"},
		{down, identity.CodeUnavailable, "store_refused", "Service temporarily unavailable: EOF"},
		{errors.Join(io.EOF, down), identity.CodeUnavailable, "store_refused", "EOF\nService temporarily unavailable: EOF"},
		{&identity.Error{Code: identity.CodeUnauthorized, Message: "Invalid token", Err: down}, identity.CodeUnauthorized, "internal", "Invalid token: Service temporarily unavailable: EOF"},
	} {
		if got := identity.CodeOf(test.err); got != test.code {
			t.Errorf("%v: code %q", test.err, got)
		}
		if got := identity.ReasonOf(test.err); got != test.reason {
			t.Errorf("%v: reason %q", test.err, got)
		}
		if test.err != nil && test.err.Error() != test.text {
			t.Errorf("text %q, want %q", test.err, test.text)
		}
	}
	if !errors.Is(down, io.EOF) {
		t.Error("the cause is lost")
	}
}
