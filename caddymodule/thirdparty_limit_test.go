package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"
)

// Who begins log-ins without end is told to wait, and nobody else is.
func TestThirdPartyFlood(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	one := stranger()
	refused := func() response {
		for range 1000 { // a client gets one a second back
			if r := s.send(t, "POST", "/auth/customer/github", "", one...); r.StatusCode != http.StatusOK {
				return r
			}
		}
		t.Fatal("there is no limit")
		return response{}
	}
	r := refused()
	r.wantLimited(t)
	if !strings.Contains(s.log(), `"reason":"third_party_limited"`) {
		t.Error("the log does not say so")
	}
	s.begin(t, "customer/github", "")
}

// The host of a start is the client's to choose, and not how much is kept of it.
func TestThirdPartyLongHost(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	for size, want := range map[int]int{261: http.StatusOK, 262: http.StatusBadRequest, 18_000: http.StatusBadRequest} {
		// Any port is the site's: it has no host name.
		host := "shop:" + strings.Repeat("1", size-5)
		r := s.raw(t, "POST", "POST /auth/customer/github HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		if r.StatusCode != want {
			t.Errorf("%d bytes: %d %s", size, r.StatusCode, r.body)
		}
	}
}
