package demoidp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokenTTL is how long an ID token and an access token are good.
const tokenTTL = 5 * time.Minute

// token gives tokens for a code (OpenID Connect Core 1.0, section 3.1.3).
func (p *Provider) token(w http.ResponseWriter, r *http.Request, faults Faults) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.URL.RawQuery != "" {
		// A secret in a query ends in logs. (attacks.md D15)
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	client, ok := p.authenticated(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="demoidp"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	code := r.PostForm.Get("code")
	p.mu.Lock()
	g, known := p.codes[code]
	delete(p.codes, code) // right or wrong: it works once
	key := p.key
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case r.PostForm.Get("grant_type") != "authorization_code":
		answer(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	case !known, !p.clock().Before(g.expiresAt), g.client != client, g.redirectURI != r.PostForm.Get("redirect_uri"),
		g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	access := rand.Text()
	now := p.clock()
	g.expiresAt = now.Add(tokenTTL)
	if !p.keep(p.tokens, access, g) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	hash := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": p.issuer, "aud": client, "exp": now.Add(tokenTTL).Unix(), "iat": now.Unix(), "auth_time": now.Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	maps.Copy(claims, p.about(g))
	if faults.Claims != nil {
		faults.Claims(claims)
	}
	idToken, err := faults.sign(key, claims)
	if err != nil {
		http.Error(w, "The token cannot be signed.", http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenTTL / time.Second), "id_token": idToken,
	})
}

// authenticated returns the client that the request proves, by header or body.
func (p *Provider) authenticated(r *http.Request) (string, bool) {
	id, secret, header := r.BasicAuth()
	if header { // both are form-encoded first (RFC 6749, section 2.3.1)
		var err1, err2 error
		id, err1 = url.QueryUnescape(id)
		secret, err2 = url.QueryUnescape(secret)
		if err1 != nil || err2 != nil || r.PostForm.Has("client_secret") {
			return "", false
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	client, known := p.clients[id]
	return id, known && subtle.ConstantTimeCompare([]byte(secret), []byte(client.Secret.Reveal())) == 1
}

// userInfo says of the person what the access token permits.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request, faults Faults) {
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	g, known := p.tokens[access]
	p.mu.Unlock()
	if !known || !p.clock().Before(g.expiresAt) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	claims := p.about(g)
	if faults.UserInfo != nil {
		faults.UserInfo(claims)
	}
	answer(w, http.StatusOK, claims)
}

// about returns the claims that the scopes ask for (OpenID Connect Core 1.0,
// section 5.4).
func (p *Provider) about(g grant) map[string]any {
	claims := map[string]any{"sub": Subject(p.issuer, g.person.Email)}
	if slices.Contains(g.scopes, "email") {
		claims["email"], claims["email_verified"] = g.person.Email, true
	}
	if slices.Contains(g.scopes, "profile") {
		claims["name"] = g.person.Name
		if at := strings.LastIndexByte(g.person.Name, ' '); at > 0 {
			claims["given_name"], claims["family_name"] = g.person.Name[:at], g.person.Name[at+1:]
		}
	}
	return claims
}

// Subject returns the `sub` of the person with that address: the same one
// whenever they come.
func Subject(issuer, email string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + email))
	return hex.EncodeToString(sum[:12])
}
