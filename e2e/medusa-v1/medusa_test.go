//go:build unix && medusa

package medusav1

import (
	"net/http"
	"testing"
)

func TestMedusa(t *testing.T) {
	backend := startMedusa(t)
	token := backend.caller().login(t, "store", customerEmail, customerPassword)
	t.Log(backend.caller().do(t, http.MethodGet, "/store/customers/me/orders", token, nil).Need(t, 200).Field("orders"))
}
