//go:build unix && medusa

package medusav1

import "testing"

// event waits for the last event of that name whose field has that value, and
// returns its token.
func (s *medusa) event(t *testing.T, name, field, value string) string {
	t.Helper()
	s.AwaitEvents(t, 1, name, field, value)
	tokens := s.tokens(t, name, field, value)
	return tokens[len(tokens)-1]
}

// tokens are those of the events of that name, until now, whose field has that value.
func (s *medusa) tokens(t *testing.T, name, field, value string) (tokens []string) {
	t.Helper()
	for _, data := range s.Events(t, name, field, value) {
		token, _ := data["token"].(string)
		tokens = append(tokens, token)
	}
	return tokens
}

// reset waits for the event that somebody forgot the password, and returns its token.
func (s *medusa) reset(t *testing.T, actorType, email string) string {
	t.Helper()
	return s.event(t, actorType+".password_reset", "email", email)
}
