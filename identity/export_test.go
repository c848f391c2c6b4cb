package identity

// Hasten lets no attempt at the service be held up.
func Hasten(s *Service) { s.slowdown = make(slowdown) }
