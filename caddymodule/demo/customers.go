package demo

import (
	"errors"
	"net/http"
	"net/mail"
)

// createCustomer answers POST /store/customers in Medusa's order of checks
// (reference medusa-v2, section 8).
func (s *shop) createCustomer(w http.ResponseWriter, r *http.Request, c Caller) {
	f, ok := readFields(w, r, "email", "company_name", "first_name", "last_name", "phone", "metadata")
	if !ok {
		return
	}
	email := f.text("email")
	switch {
	case email != nil && !plainAddress(*email):
		writeError(w, http.StatusBadRequest, invalidData("Invalid request: Invalid email address"))
		return
	case c.ActorID != "":
		writeError(w, http.StatusBadRequest, invalidData("Request already authenticated as a customer."))
		return
	case email == nil:
		writeError(w, http.StatusBadRequest, invalidData("Email is required to create a customer"))
		return
	}
	created, err := s.Records.addCustomer(customer{
		Email:       *email,
		CompanyName: f.text("company_name"),
		FirstName:   f.text("first_name"),
		LastName:    f.text("last_name"),
		Phone:       f.text("phone"),
		Metadata:    f.metadata(),
	}, c.IdentityID)
	switch {
	case errors.Is(err, errEmailTaken):
		writeError(w, http.StatusUnprocessableEntity, wireError{
			Code:    "invalid_request_error",
			Type:    "duplicate_error",
			Message: "Customer with this email already has an account",
		})
	case err != nil: // the identity has a customer: Medusa stumbles over it too
		writeUnknownError(w)
	default:
		s.announce(w, customerType, created.ID)
		writeCustomer(w, created)
	}
}

// plainAddress reports whether text is one e-mail address and nothing else.
func plainAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text && a.Name == ""
}

func (s *shop) showCustomer(w http.ResponseWriter, _ *http.Request, c Caller) {
	found, ok := s.Records.customer(c.ActorID)
	if !ok {
		writeNotFound(w, "Customer", c.ActorID)
		return
	}
	writeCustomer(w, found)
}

// updateCustomer answers POST /store/customers/me. Members that are absent stay.
func (s *shop) updateCustomer(w http.ResponseWriter, r *http.Request, c Caller) {
	f, ok := readFields(w, r, "company_name", "first_name", "last_name", "phone", "metadata")
	if !ok {
		return
	}
	changed, ok := s.Records.changeCustomer(c.ActorID, func(cus *customer) {
		for name, member := range map[string]**string{
			"company_name": &cus.CompanyName,
			"first_name":   &cus.FirstName,
			"last_name":    &cus.LastName,
			"phone":        &cus.Phone,
		} {
			if _, sent := f[name]; sent {
				*member = f.text(name)
			}
		}
		if _, sent := f["metadata"]; sent {
			cus.Metadata = f.metadata()
		}
	})
	if !ok {
		writeNotFound(w, "Customer", c.ActorID)
		return
	}
	writeCustomer(w, changed)
}

func (s *shop) listOrders(w http.ResponseWriter, _ *http.Request, c Caller) {
	found, ok := s.Records.customer(c.ActorID)
	if !ok {
		writeNotFound(w, "Customer", c.ActorID)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Orders []order `json:"orders"`
		listed
	}{found.orders, listed{Count: len(found.orders), Limit: pageSize}})
}

func writeCustomer(w http.ResponseWriter, c customer) {
	writeJSON(w, http.StatusOK, map[string]customer{"customer": c})
}
