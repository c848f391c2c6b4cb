package demoidp

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// codeTTL is how long a code works.
	codeTTL = time.Minute
	// maxGrants bounds what is kept at once.
	maxGrants = 1000
)

// grant is what a code or an access token stands for.
type grant struct {
	client, redirectURI, challenge, nonce string
	scopes                                []string
	person                                Person
	expiresAt                             time.Time
}

// authorize shows the page on which one says who one is, and sends the browser
// back with a code when that is done. With `login_hint` it does so at once.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	asked := r.Form
	if r.Method == http.MethodPost && r.PostForm.Has("request") {
		asked, _ = url.ParseQuery(r.PostForm.Get("request")) // what is wrong with it shows below
	}
	client, known := p.clients[asked.Get("client_id")]
	if !known || !slices.Contains(client.RedirectURIs, asked.Get("redirect_uri")) {
		// Nobody is sent to an address that is not registered.
		http.Error(w, "This application is not registered here, or not with this redirect_uri.", http.StatusBadRequest)
		return
	}
	if reason := refusal(asked); reason != "" {
		p.back(w, r, asked, url.Values{"error": {reason}})
		return
	}
	if r.PostForm.Get("action") == "cancel" {
		p.back(w, r, asked, url.Values{"error": {"access_denied"}, "error_description": {"The person did not want to"}})
		return
	}
	who, ok := p.chosen(r, asked)
	if !ok {
		p.page(w, asked, client)
		return
	}
	code := rand.Text()
	if !p.keep(p.codes, code, grant{
		client: client.ID, redirectURI: asked.Get("redirect_uri"), challenge: asked.Get("code_challenge"), nonce: asked.Get("nonce"),
		scopes: strings.Fields(asked.Get("scope")), person: who, expiresAt: p.clock().Add(codeTTL),
	}) {
		p.back(w, r, asked, url.Values{"error": {"temporarily_unavailable"}})
		return
	}
	p.back(w, r, asked, url.Values{"code": {code}})
}

// refusal returns the error of RFC 6749, section 4.1.2.1, or "".
func refusal(asked url.Values) string {
	switch {
	case asked.Get("response_type") != "code":
		return "unsupported_response_type"
	case !slices.Contains(strings.Fields(asked.Get("scope")), "openid"):
		return "invalid_scope"
	case asked.Get("code_challenge_method") != "S256", len(asked.Get("code_challenge")) != 43:
		return "invalid_request" // RFC 7636, section 4.4.1
	}
	return ""
}

// chosen returns the person that the form names.
func (p *Provider) chosen(r *http.Request, asked url.Values) (Person, bool) {
	who := Person{Email: asked.Get("login_hint")}
	if r.Method == http.MethodPost && r.PostForm.Has("request") {
		who = Person{Name: strings.TrimSpace(r.PostForm.Get("name")), Email: strings.TrimSpace(r.PostForm.Get("email"))}
		if pick := r.PostForm.Get("pick"); pick != "" {
			who = Person{Email: pick}
		}
	}
	if who.Email == "" {
		return Person{}, false
	}
	for _, known := range p.people {
		if known.Email == who.Email && who.Name == "" {
			who = known
		}
	}
	if who.Name == "" {
		who.Name, _, _ = strings.Cut(who.Email, "@")
	}
	return who, true
}

// back sends the browser to the application.
func (p *Provider) back(w http.ResponseWriter, r *http.Request, asked, answer url.Values) {
	u, err := url.Parse(asked.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "The redirect_uri cannot be read.", http.StatusBadRequest)
		return
	}
	query := u.Query()
	for name := range answer {
		query.Set(name, answer.Get(name))
	}
	if state := asked.Get("state"); state != "" {
		query.Set("state", state)
	}
	query.Set("iss", p.issuer) // RFC 9207
	u.RawQuery = query.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// keep stores a grant and forgets those that are over.
func (p *Provider) keep(where map[string]grant, name string, g grant) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock()
	for old, kept := range where {
		if !now.Before(kept.expiresAt) {
			delete(where, old)
		}
	}
	if len(where) >= maxGrants {
		return false
	}
	where[name] = g
	return true
}

func (p *Provider) page(w http.ResponseWriter, asked url.Values, client Client) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_ = page.Execute(w, map[string]any{ // the other side is gone
		"Action": p.path + string(Authorize), "Request": asked.Encode(), "Client": client.ID, "People": p.people,
	})
}

// No `form-action`: browsers apply it to the redirect that answers the form.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Demo sign-in</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem; }
button, input { font: inherit; display: block; width: 100%; box-sizing: border-box; padding: .5rem; margin: .25rem 0 1rem; }
.warning { background: #fe9; color: #000; padding: .5rem 1rem; }
</style>
<h1>Who are you?</h1>
<p class="warning">A demo: nobody is asked for a password. Never use this in production.</p>
<p><strong>{{.Client}}</strong> wants to know your name and e-mail address.</p>
<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
{{range .People}}<button name="pick" value="{{.Email}}">{{.Name}} ({{.Email}})</button>
{{end}}</form>
<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
<label>Name <input name="name" autocomplete="off" maxlength="200"></label>
<label>E-mail <input name="email" type="email" required autocomplete="off" maxlength="320"></label>
<button id="sign-in">Sign in</button>
</form>
<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
<button name="action" value="cancel">Cancel</button>
</form>
</html>
`))
