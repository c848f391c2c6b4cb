package notify

import (
	"encoding/json"
	"fmt"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// payload is the data of Medusa's own event `auth.password_reset` (reference
// medusa-v2, section 9), and the provider, which Medusa has only in the token.
type payload struct {
	EntityID  string          `json:"entity_id"`
	ActorType string          `json:"actor_type"`
	Token     string          `json:"token"`
	Metadata  json.RawMessage `json:"metadata"`
	Provider  string          `json:"provider"`
}

func payloadOf(n identity.Notification) payload {
	return payload{
		EntityID: n.EntityID, ActorType: n.ActorType, Token: n.Token.Reveal(),
		Metadata: n.Metadata, Provider: n.Provider,
	}
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a notification: %w", err)
	}
	return b, nil
}

// createdAt has the form of JavaScript's Date.toISOString, as in Medusa's events.
func createdAt(n identity.Notification) string {
	return n.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
