//go:build unix

package e2e

import (
	"io"
	"net/http"
	"testing"
)

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestStartCaddy(t *testing.T) {
	t.Parallel()
	config := CaddyConfig{Site: `respond "{env.WHO} {env.GOCACHE}."`, Env: []string{"WHO=first"}}
	first := StartCaddy(t, config)
	config.Env = []string{"WHO=second"}
	second := StartCaddy(t, config)
	if got := fetch(t, first.URL()); got != "first ." {
		t.Errorf("got %q", got)
	}
	if got := fetch(t, second.URL()); got != "second ." {
		t.Errorf("got %q", got)
	}
	pid := first.Pid()
	first.Restart()
	if first.Pid() == pid {
		t.Error("it was not restarted")
	}
	if got := fetch(t, first.URL()); got != "first ." {
		t.Errorf("after the restart: got %q", got)
	}
}
