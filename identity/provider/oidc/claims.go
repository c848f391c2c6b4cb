package oidc

import (
	"encoding/json"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// Claims are what an ID token or a userinfo answer says. Members of another type
// than the standard's count as missing.
type Claims map[string]json.RawMessage

// Text returns the member if it is a string.
func (c Claims) Text(member string) string {
	var text string
	_ = json.Unmarshal(c[member], &text)
	return text
}

// EmailVerified reports whether the provider says that the address is the
// person's: true, or "true", as some send it.
func (c Claims) EmailVerified() bool {
	said := string(c["email_verified"])
	return said == "true" || said == `"true"`
}

// VerifiedEmail returns the address if the provider says that it is the
// person's, and if it is one plain address; else "".
func (c Claims) VerifiedEmail() string {
	email := c.Text("email")
	if !c.EmailVerified() || !oauth.PlainAddress(email) {
		return ""
	}
	return email
}

// UserMetadata returns what of the claims becomes a token's user_metadata, as
// Medusa takes it from Google (reference medusa-v2, section 4).
func (c Claims) UserMetadata() json.RawMessage {
	data, _ := json.Marshal(struct { // of texts: it cannot fail
		Name       string `json:"name,omitempty"`
		Email      string `json:"email,omitempty"`
		Picture    string `json:"picture,omitempty"`
		GivenName  string `json:"given_name,omitempty"`
		FamilyName string `json:"family_name,omitempty"`
	}{
		oauth.Short(c.Text("name")), oauth.Short(c.Text("email")), oauth.Short(c.Text("picture")),
		oauth.Short(c.Text("given_name")), oauth.Short(c.Text("family_name")),
	})
	return data
}
