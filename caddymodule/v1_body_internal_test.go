package caddymodule

import (
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// What goes on to the backend has the members that were looked at, each once, and
// never a password that was taken out.
func FuzzV1Body(f *testing.F) {
	for _, seed := range []string{
		`{"password":"x"}`, `{"password":null,"email":7}`, `[]`, `null`, `{"a":{"password":"x"}}`, "{\"\\ud800\":1}", "{\"p\xffassword\":1}",
		`{"password":"x","password":{}}`, ` `, `{"Password":"x"}`,
	} {
		f.Add(seed)
	}
	h := &Handler{MaxBody: 64 << 10}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest("POST", "/store/customers/me", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		body, err := h.readMembers(httptest.NewRecorder(), r)
		if err != nil {
			return
		}
		delete(body, "password")
		if err := body.put(r); err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r.Body)
		if err != nil || int64(len(data)) != r.ContentLength {
			t.Fatalf("%d bytes, not %d: %v", len(data), r.ContentLength, err)
		}
		var again map[string]json.RawMessage
		if err := json.Unmarshal(data, &again); err != nil || again == nil {
			t.Fatalf("%q became %q: %v", text, data, err)
		}
		if _, left := again["password"]; left || len(again) != len(body) {
			t.Errorf("%q became %q", text, data)
		}
	})
}
