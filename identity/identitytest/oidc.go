package identitytest

import (
	"net/http/httptest"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

// NewOIDC starts an OpenID provider for the test. The issuer is filled in; the
// rest of the options is the test's.
func NewOIDC(t testing.TB, o demoidp.Options) *demoidp.Provider {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	o.Issuer = "http://" + server.Listener.Addr().String() + "/idp"
	p, err := demoidp.New(o)
	if err != nil {
		server.Close()
		t.Fatal(err)
	}
	server.Config.Handler = p
	server.Start()
	t.Cleanup(server.Close)
	return p
}
