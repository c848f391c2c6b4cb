package identitytest

import (
	"fmt"
	"maps"
	"net/http"

	"github.com/golang-jwt/jwt/v5"
)

var medusaUnauthorized = map[string]string{"message": "Unauthorized"}

func text(v any) string { s, _ := v.(string); return s }

func (m *Medusa) byID(id string) (string, *medusaAccount) {
	for address, a := range m.accounts {
		if a.id == id {
			return address, a
		}
	}
	return "", nil
}

func (m *Medusa) token(actorType string, a *medusaAccount, withActor bool) (int, any) {
	actorID := ""
	if withActor {
		actorID = a.app[actorType+"_id"]
	}
	return http.StatusOK, map[string]string{"token": m.sign(jwt.MapClaims{
		"actor_id": actorID, "actor_type": actorType, "auth_identity_id": a.id, "auth_provider": "emailpass",
		"app_metadata": maps.Clone(a.app), "user_metadata": map[string]any{},
	})}
}

func (m *Medusa) refresh(r *http.Request) (int, any) {
	c := m.claims(r)
	if c == nil || c["purpose"] != nil || text(c["auth_identity_id"]) == "" {
		return http.StatusUnauthorized, medusaUnauthorized
	}
	_, a := m.byID(text(c["auth_identity_id"]))
	if a == nil {
		return refuse(http.StatusUnauthorized, "unauthorized", "Invalid auth identity while refreshing token")
	}
	return m.token(text(c["actor_type"]), a, true)
}

func (m *Medusa) emailpass(r *http.Request, actorType, rest string, body map[string]any) (int, any) {
	address, password := text(body["email"]), text(body["password"])
	a := m.accounts[address]
	switch rest {
	case "register":
		switch {
		case a == nil:
			a = m.newAccount(address, password)
		case a.password != password || len(a.app) > 0:
			return refuse(http.StatusUnauthorized, "unauthorized", "Identity with email already exists")
		}
		return m.token(actorType, a, false)
	case "":
		if a == nil || a.password != password {
			return refuse(http.StatusUnauthorized, "unauthorized", "Invalid email or password")
		}
		if a.secondFactor {
			_, answer := m.token(actorType, a, false)
			return http.StatusOK, map[string]any{
				"mfa_required": true, "mfa_challenge": map[string]string{"auth_identity_id": a.id}, "token": answer.(map[string]string)["token"],
			}
		}
		return m.token(actorType, a, true)
	case "reset-password":
		identifier := text(body["identifier"])
		m.requested = append(m.requested, identifier)
		if m.accounts[identifier] != nil {
			maps.DeleteFunc(m.resets, func(_, address string) bool { return address == identifier })
			m.ids++
			m.resets[m.sign(jwt.MapClaims{
				"entity_id": identifier, "provider": "emailpass", "actor_type": actorType, "purpose": "reset",
				"jti": fmt.Sprintf("jti-%d", m.ids),
			})] = identifier
		}
		return http.StatusCreated, "Created"
	case "update":
		return m.update(r, actorType, password)
	}
	return refuse(http.StatusNotFound, "not_found", "no such route")
}

func (m *Medusa) update(r *http.Request, actorType, password string) (int, any) {
	raw := r.Header.Get("Authorization")
	if len(raw) > 7 {
		raw = raw[7:]
	}
	address, good := m.resets[raw]
	if c := m.claims(r); !good || c == nil || text(c["actor_type"]) != actorType || m.accounts[address] == nil {
		return refuse(http.StatusUnauthorized, "unauthorized", "Invalid token")
	}
	delete(m.resets, raw)
	if password == "" {
		return refuse(http.StatusUnauthorized, "unauthorized", "Unauthorized")
	}
	m.accounts[address].password = password
	return http.StatusOK, map[string]bool{"success": true}
}

// makeUser trusts the address in the token, as Medusa does.
func (m *Medusa) makeUser(r *http.Request) (int, any) {
	c := m.claims(r)
	if c == nil || text(c["actor_type"]) != "user" {
		return http.StatusUnauthorized, medusaUnauthorized
	}
	metadata, _ := c["user_metadata"].(map[string]any)
	_, a := m.byID(text(c["auth_identity_id"]))
	if text(metadata["email"]) == "" || a == nil {
		return refuse(http.StatusBadRequest, "invalid_data", "Email is required to create a user account.")
	}
	m.ids++
	a.app["user_id"] = fmt.Sprintf("user_%d", m.ids)
	return http.StatusOK, map[string]any{"user": map[string]string{"id": a.app["user_id"], "email": text(metadata["email"])}}
}

// shop answers everything that is no route of authentication.
func (m *Medusa) shop(r *http.Request, path []string, body map[string]any) (int, any) {
	c := m.claims(r)
	if c != nil {
		m.authorized = append(m.authorized, r.Header.Get("Authorization")[7:])
	}
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/store/customers":
		return m.makeCustomer(c, text(body["email"]))
	case r.URL.Path == "/admin/users/me" && m.gone[text(c["actor_id"])]:
		return refuse(http.StatusNotFound, "not_found", fmt.Sprintf("User with id: %s was not found", c["actor_id"]))
	case r.Method == http.MethodDelete && len(path) == 3 && path[1] == "customers":
		maps.DeleteFunc(m.accounts, func(_ string, a *medusaAccount) bool { return a.app["customer_id"] == path[2] })
		delete(m.customers, path[2])
		return http.StatusOK, map[string]any{"id": path[2], "object": "customer", "deleted": true}
	}
	return http.StatusOK, map[string]any{
		"actor_id": text(c["actor_id"]), "actor_type": text(c["actor_type"]), "auth_identity_id": text(c["auth_identity_id"]),
		"cookie": r.Header.Get("Cookie"),
	}
}

func (m *Medusa) makeCustomer(c jwt.MapClaims, email string) (int, any) {
	switch {
	case c == nil || text(c["actor_type"]) != "customer":
		return http.StatusUnauthorized, medusaUnauthorized
	case text(c["actor_id"]) != "":
		return refuse(http.StatusBadRequest, "invalid_data", "Request already authenticated as a customer.")
	}
	for _, taken := range m.customers {
		if taken == email {
			return refuse(http.StatusUnprocessableEntity, "duplicate_error", "Customer with this email already has an account")
		}
	}
	_, a := m.byID(text(c["auth_identity_id"]))
	if a == nil {
		return refuse(http.StatusNotFound, "not_found", fmt.Sprintf("AuthIdentity with id: %s was not found", c["auth_identity_id"]))
	}
	m.ids++
	id := fmt.Sprintf("cus_%d", m.ids)
	a.app["customer_id"] = id
	m.customers[id] = email
	return http.StatusOK, map[string]any{"customer": map[string]string{"id": id, "email": email}}
}
