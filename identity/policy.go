package identity

import (
	"fmt"
	"slices"
)

// ProviderInfo describes a provider to a login page.
type ProviderInfo struct {
	ID          string `json:"id"`
	Identifier  string `json:"identifier"`
	DisplayName string `json:"display_name"`
	Flow        Flow   `json:"flow"`
}

// allow reports whether people of the actor type may use the provider. With a
// configured list of actor types the list is closed; without one `user` has
// emailpass alone and every other type everything, as in Medusa's default
// configuration (reference medusa-v2, section 1).
func (s *Service) allow(actorType, provider string) error {
	allowed, listed := s.actors[actorType]
	switch {
	case !ValidName(actorType), len(s.actors) > 0 && !listed, listed && !slices.Contains(allowed, provider):
		return &Error{
			Code: CodeNotAllowed, Reason: "provider_not_allowed",
			Message: fmt.Sprintf("The actor type %s is not allowed to use the auth provider %s", actorType, provider),
		}
	case len(s.actors) == 0 && actorType == "user" && provider != "emailpass":
		return &Error{
			Code: CodeNotAllowed, Reason: "provider_not_allowed",
			Message: fmt.Sprintf("The actor type user is not allowed to use the auth provider %s", provider),
		}
	}
	return nil
}

// provider returns the provider after the policy let the actor type use it.
func (s *Service) provider(actorType, id string) (Provider, error) {
	if err := s.allow(actorType, id); err != nil {
		return nil, err
	}
	p, ok := s.providers[id]
	if !ok {
		return nil, &Error{
			Code: CodeUnauthorized, Reason: "provider_unknown",
			Message: "\nUnable to retrieve the auth provider with id: " + id + "\nPlease make sure that the provider is registered in the container and it is configured correctly in your project configuration file.",
		}
	}
	return p, nil
}

// Guard returns the error with which the policy refuses the pair, or nil. The
// HTTP edge asks it before it looks at credentials.
func (s *Service) Guard(actorType, provider string) error { return s.allow(actorType, provider) }

// Known returns the names as far as the realm has them, and "" in place of what a
// client made up: for logs. Where no actor types are listed, it has customer and
// user.
func (s *Service) Known(actorType, provider string) (knownActorType, knownProvider string) {
	_, listed := s.actors[actorType]
	if listed || len(s.actors) == 0 && (actorType == "customer" || actorType == "user") {
		knownActorType = actorType
	}
	if _, ok := s.providers[provider]; ok {
		knownProvider = provider
	}
	return knownActorType, knownProvider
}

// Providers lists what people of the actor type may log in with, the last
// configured first, as Medusa does.
func (s *Service) Providers(actorType string) []ProviderInfo {
	list := []ProviderInfo{}
	for _, id := range slices.Backward(s.order) {
		if s.allow(actorType, id) != nil {
			continue
		}
		p := s.providers[id]
		list = append(list, ProviderInfo{ID: id, Identifier: id, DisplayName: p.DisplayName(), Flow: p.Flow()})
	}
	return list
}

// ValidName keeps out of actor types and provider ids what could not be a header
// value, a JSON member, part of a store key or a log field without harm. Medusa
// takes any string.
func ValidName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
