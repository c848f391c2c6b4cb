package caddymodule

import "fmt"

// letsStrangersIn reports whether a provider is one at which everybody can have an
// account, and is not for people of some domains alone. An OpenID provider is
// taken for a directory of one's own.
func letsStrangersIn(provider any) bool {
	switch p := provider.(type) {
	case *Google:
		return len(p.EmailDomains) == 0
	case *GitHub:
		return len(p.EmailDomains) == 0
	}
	return false
}

// checkStaff refuses a realm in which strangers log in as users. Medusa makes an
// admin of everybody who comes so with a verified address.
func (r *Realm) checkStaff() error {
	for _, id := range r.open {
		if r.service.Guard("user", id) == nil {
			return fmt.Errorf("actor user may use the provider %q, at which everybody can have an account, and Medusa makes an admin of everybody who logs in as a user: give the provider email_domains with the domain of your staff's addresses, or let users log in with emailpass or at your own directory (oidc)", id)
		}
	}
	return nil
}
