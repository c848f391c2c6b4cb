package identitytest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// GitHub is a server that answers as GitHub does, as far as logging in is
// concerned: URL is where people log in, URL + /api/v3 is the API, as at a GitHub
// Enterprise Server. Change the fields while nobody asks.
type GitHub struct {
	URL          string
	ClientID     string
	ClientSecret string
	// User is what GET /user answers, Emails what GET /user/emails does.
	User, Emails string
	// Expiring: as a GitHub App whose tokens expire; else as a classic OAuth app.
	Expiring bool
	// Answer may answer in place of the path, which is one without /api/v3; it
	// reports whether it did.
	Answer func(path string, w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	codes  map[string]url.Values // what /login/oauth/authorize was asked
	tokens map[string]bool
}

// NewGitHub starts one for the test, with a person who has one verified address.
func NewGitHub(t testing.TB) *GitHub {
	g := &GitHub{
		ClientID: "Iv1.0123456789abcdef", ClientSecret: "a GitHub client secret",
		User: `{"login":"octo","id":9007199254740993,"node_id":"MDQ6VXNlcjE=","url":"https://api.github.com/users/octo",
			"html_url":"https://github.com/octo","avatar_url":"https://avatars.example/u/1","name":"Octo Cat","company":"GH",
			"email":"octo@example.com","two_factor_authentication":true}`,
		Emails: `[{"email":"old@example.com","primary":false,"verified":true,"visibility":null},
			{"email":"octo@example.com","primary":true,"verified":true,"visibility":"public"},
			{"email":"1+octo@users.noreply.github.com","primary":false,"verified":true,"visibility":null}]`,
		codes: map[string]url.Values{}, tokens: map[string]bool{},
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.URL = server.URL
	return g
}

// LogIn makes somebody else the person, also while the server is asked.
func (g *GitHub) LogIn(user, emails string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.User, g.Emails = user, emails
}

func (g *GitHub) person() (user, emails string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.User, g.Emails
}

// ServeHTTP implements http.Handler.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	if g.Answer != nil && g.Answer(path, w, r) {
		return
	}
	user, emails := g.person()
	switch path {
	case "/login/oauth/authorize":
		g.authorize(w, r)
	case "/login/oauth/access_token":
		g.accessToken(w, r)
	case "/user":
		g.api(w, r, user)
	case "/user/emails":
		g.api(w, r, emails)
	default:
		http.NotFound(w, r)
	}
}

// authorize lets the person in at once.
func (g *GitHub) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	back, err := url.Parse(asked.Get("redirect_uri"))
	if err != nil || asked.Get("client_id") != g.ClientID || asked.Get("code_challenge_method") != "S256" {
		http.Error(w, "404", http.StatusNotFound)
		return
	}
	code := rand.Text()
	g.mu.Lock()
	g.codes[code] = asked
	g.mu.Unlock()
	query := back.Query()
	query.Set("code", code)
	query.Set("state", asked.Get("state"))
	back.RawQuery = query.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// accessToken answers errors with 200, as GitHub does, and a form to whoever does
// not ask for JSON.
func (g *GitHub) accessToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what is missing is refused below
	given := r.PostForm
	g.mu.Lock()
	asked, known := g.codes[given.Get("code")]
	delete(g.codes, given.Get("code"))
	g.mu.Unlock()
	sum := sha256.Sum256([]byte(given.Get("code_verifier")))
	said := map[string]any{}
	switch {
	case given.Get("client_id") != g.ClientID || given.Get("client_secret") != g.ClientSecret:
		said["error"], said["error_description"] = "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."
	case !known, asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]):
		said["error"], said["error_description"] = "bad_verification_code", "The code passed is incorrect or expired."
	case asked.Get("redirect_uri") != given.Get("redirect_uri"):
		said["error"] = "redirect_uri_mismatch"
	default:
		token := "gho_" + rand.Text()
		g.mu.Lock()
		g.tokens[token] = true
		g.mu.Unlock()
		said["access_token"], said["token_type"] = token, "bearer"
		said["scope"] = strings.ReplaceAll(asked.Get("scope"), " ", ",")
		if g.Expiring {
			said["expires_in"], said["refresh_token"], said["refresh_token_expires_in"] = 28800, "ghr_"+rand.Text(), 15897600
		}
	}
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		form := url.Values{}
		for name, value := range said {
			text, _ := value.(string)
			form.Set(name, text)
		}
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		_, _ = w.Write([]byte(form.Encode()))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(said)
}

// api answers with the document if the request is one that GitHub takes.
func (g *GitHub) api(w http.ResponseWriter, r *http.Request, document string) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g.mu.Lock()
	known := g.tokens[token]
	g.mu.Unlock()
	switch {
	case r.Header.Get("User-Agent") == "", strings.HasPrefix(r.Header.Get("User-Agent"), "Go-http-client"):
		http.Error(w, "Request forbidden by administrative rules.", http.StatusForbidden)
	case !known:
		http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write([]byte(document))
	}
}
