//go:build unix && medusa

package medusa

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answer is what a server has answered.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// field returns a field of the body, which is JSON, by its path: "customer.id".
// It is "" when there is none.
func (a answer) field(path string) string {
	var value any
	_ = json.Unmarshal([]byte(a.Body), &value)
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	return text
}

// need ends the test unless the answer has that status.
func (a answer) need(t *testing.T, status int) answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// caller sends requests to one server, as a storefront that has the shop's key.
type caller struct {
	url, key string
}

// do sends a request with a token, if it is not "", and a body, if it is not nil.
func (c caller) do(t *testing.T, method, path, token string, body any) answer {
	t.Helper()
	a, err := c.try(t, method, path, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// post is do for a request that may get no answer, which is the error.
func (c caller) post(t *testing.T, path, token string, body any) (answer, error) {
	t.Helper()
	return c.try(t, http.MethodPost, path, token, body)
}

func (c caller) try(t *testing.T, method, path, token string, body any) (answer, error) {
	t.Helper()
	header := make(http.Header)
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	var text []byte
	if body != nil {
		header.Set("Content-Type", "application/json")
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	return c.send(t, method, path, header, text)
}

// plainClient follows nothing and unpacks nothing.
var plainClient = &http.Client{
	Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send sends a request with those headers and the shop's key.
func (c caller) send(t *testing.T, method, path string, header http.Header, body []byte) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if _, ok := req.Header["X-Publishable-Api-Key"]; !ok {
		req.Header.Set("X-Publishable-Api-Key", c.key)
	}
	res, err := plainClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	return answer{res.StatusCode, res.Header, string(text)}, nil
}

// credentials is the body of a registration and of a login.
func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

// login returns the token of somebody who exists.
func (c caller) login(t *testing.T, actor, email, password string) string {
	t.Helper()
	return c.do(t, http.MethodPost, "/auth/"+actor+"/emailpass", "", credentials(email, password)).need(t, http.StatusOK).field("token")
}

// mailbox makes the name of a mailbox of a few words.
func mailbox(words string) string { return strings.ReplaceAll(words, " ", ".") }
