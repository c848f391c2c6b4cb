package github

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// apiVersion is that of GitHub's REST API that the answers are read as.
const apiVersion = "2022-11-28"

// user is what GET /user says. The members are copied as they are, null
// included, as Medusa does.
type user struct {
	ID        json.RawMessage `json:"id"`
	URL       json.RawMessage `json:"url"`
	AvatarURL json.RawMessage `json:"avatar_url"`
	Email     json.RawMessage `json:"email"`
	Name      json.RawMessage `json:"name"`
	Company   json.RawMessage `json:"company"`
	TwoFactor json.RawMessage `json:"two_factor_authentication"`
}

// email is an entry of GET /user/emails.
type email struct {
	Address  string `json:"email"`
	Primary  bool   `json:"primary"`
	Verified bool   `json:"verified"`
}

// number is an id as GitHub writes it; a float64 would round those above 2^53.
var number = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// Profile implements identity.Redirector.
func (p *Provider) Profile(ctx context.Context, code string, a identity.Attempt) (identity.Profile, error) {
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	token, err := p.Exchange(ctx, p.endpoint, code, a)
	if err != nil {
		return identity.Profile{}, err
	}
	header := http.Header{
		"Authorization": {"Bearer " + token.AccessToken}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {apiVersion},
	}
	var person user
	status, err := p.GetJSON(ctx, p.api+"/user", header, &person)
	switch {
	case err != nil:
		return identity.Profile{}, err
	case status != http.StatusOK:
		return identity.Profile{}, oauth.Unusable("status " + strconv.Itoa(status) + " for the user")
	case !number.Match(person.ID):
		return identity.Profile{}, oauth.Unusable("a user without a numeric id")
	}
	verified, err := p.verifiedEmail(ctx, header)
	if err != nil {
		return identity.Profile{}, err
	}
	if err := p.AdmitEmail(verified); err != nil {
		return identity.Profile{}, err
	}
	return identity.Profile{
		Subject: string(person.ID), UserMetadata: person.metadata(), Fresh: true, VerifiedEmail: verified,
	}, nil
}

// verifiedEmail returns the primary address if GitHub verified it and mail to it
// reaches the person; else "". (attacks.md D9)
func (p *Provider) verifiedEmail(ctx context.Context, header http.Header) (string, error) {
	var emails []email
	status, err := p.GetJSON(ctx, p.api+"/user/emails", header, &emails)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusForbidden, status == http.StatusNotFound:
		return "", nil // the app may not see them
	case status != http.StatusOK:
		return "", oauth.Unusable("status " + strconv.Itoa(status) + " for the addresses")
	}
	for _, e := range emails {
		if e.Primary && e.Verified && oauth.PlainAddress(e.Address) && !noReply(e.Address) {
			return e.Address, nil
		}
	}
	return "", nil
}

// noReply reports whether the address is one that GitHub, or an Enterprise
// Server, makes up to hide the person's own.
func noReply(address string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	return strings.HasPrefix(domain, "users.noreply.") || strings.HasPrefix(domain, "noreply.")
}

// metadata is what becomes a token's user_metadata, as Medusa takes it from the
// profile (reference medusa-v2, section 4). The address is the one that the
// person shows, verified or not.
func (u user) metadata() json.RawMessage {
	data, _ := json.Marshal(struct { // of valid JSON: it cannot fail
		ProfileURL json.RawMessage `json:"profile_url,omitempty"`
		Avatar     json.RawMessage `json:"avatar,omitempty"`
		Email      json.RawMessage `json:"email,omitempty"`
		Name       json.RawMessage `json:"name,omitempty"`
		Company    json.RawMessage `json:"company,omitempty"`
		TwoFactor  json.RawMessage `json:"two_factor_authentication,omitempty"`
	}{text(u.URL), text(u.AvatarURL), text(u.Email), text(u.Name), text(u.Company), truth(u.TwoFactor)})
	return data
}

// text returns the member if it is null or a string that can be part of a token.
func text(member json.RawMessage) json.RawMessage {
	var said *string
	if member == nil || json.Unmarshal(member, &said) != nil || said != nil && oauth.Short(*said) != *said {
		return nil
	}
	data, _ := json.Marshal(said) // cannot fail; makes invalid UTF-8 valid
	return data
}

// truth returns the member if it is null, true or false.
func truth(member json.RawMessage) json.RawMessage {
	switch string(member) {
	case "null", "true", "false":
		return member
	}
	return nil
}
