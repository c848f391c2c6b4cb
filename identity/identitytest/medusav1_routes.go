package identitytest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func (a *V1Account) object(more ...string) map[string]any {
	o := map[string]any{
		"id": a.ID, "email": a.Email, "first_name": a.FirstName, "last_name": a.LastName, "created_at": a.Created.UTC().Format(time.RFC3339Nano),
	}
	for _, relation := range more {
		o[relation] = []any{}
	}
	return o
}

func v1Customer(status int, a *V1Account, more ...string) v1Answer {
	return v1Answer{status: status, body: map[string]any{"customer": a.object(more...)}}
}

func v1User(a *V1Account) v1Answer {
	return v1Answer{status: http.StatusOK, body: map[string]any{"user": a.object()}}
}

func (m *MedusaV1) answer(r *http.Request, body map[string]any) v1Answer {
	path := strings.ToLower(strings.TrimSuffix(r.URL.Path, "/"))
	switch route := r.Method + " " + path; route {
	case "POST /store/auth", "POST /store/auth/token":
		return m.login(r, "cus", "store", "customer_id", body)
	case "POST /admin/auth", "POST /admin/auth/token":
		return m.login(r, "usr", "admin", "user_id", body)
	case "POST /store/customers":
		return m.register(body, http.StatusOK, "shipping_addresses")
	case "POST /store/customers/password-token":
		return m.askReset("cus", "customer_id", body)
	case "POST /admin/users/password-token":
		return m.askReset("usr", "user_id", body)
	case "POST /store/customers/password-reset":
		return m.useReset("cus", body)
	case "POST /admin/users/reset-password":
		return m.useReset("usr", body)
	case "POST /admin/invites/accept":
		return m.accept(body)
	}
	if address, ok := strings.CutPrefix(path, "/store/auth/"); ok && r.Method == http.MethodGet {
		return v1Answer{status: http.StatusOK, body: map[string]bool{"exists": m.find("cus", address) != nil}}
	}
	m.seen = append(m.seen, r.Header.Clone())
	if strings.HasPrefix(path, "/admin") {
		return m.admin(r, path, body)
	}
	return m.store(r, path, body)
}

func (m *MedusaV1) login(r *http.Request, kind, domain, member string, body map[string]any) v1Answer {
	a := m.find(kind, text(body["email"]))
	if a == nil || a.Password == "" || a.Password != text(body["password"]) {
		return v1Unauthorized
	}
	switch {
	case strings.HasSuffix(strings.ToLower(r.URL.Path), "/token"):
		return v1Answer{status: http.StatusOK, body: map[string]string{
			"access_token": m.sign(jwt.MapClaims{member: a.ID, "domain": domain, "exp": time.Now().Add(time.Hour).Unix()}),
		}}
	case kind == "usr":
		return v1User(a)
	}
	return v1Customer(http.StatusOK, a, "orders", "shipping_addresses")
}

func (m *MedusaV1) register(body map[string]any, status int, more ...string) v1Answer {
	email := text(body["email"])
	if !strings.Contains(email, "@") {
		return v1Refuse(http.StatusBadRequest, "invalid_data", "email must be an email")
	}
	if m.find("cus", email) != nil {
		return v1Refuse(http.StatusUnprocessableEntity, "duplicate_error", "A customer with the given email already has an account. Log in instead")
	}
	a := m.add("cus", email, text(body["password"]))
	a.FirstName, a.LastName = text(body["first_name"]), text(body["last_name"])
	made := v1Customer(status, a, more...)
	if status == http.StatusCreated { // as the route for admins shows it
		made.body.(map[string]any)["customer"].(map[string]any)["password_hash"] = "hash of " + a.Password
	}
	return made
}

func (m *MedusaV1) askReset(kind, member string, body map[string]any) v1Answer {
	email := text(body["email"])
	m.asked = append(m.asked, email)
	if a := m.find(kind, email); a != nil {
		clear(m.resets)
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			member: a.ID, "exp": time.Now().Add(15 * time.Minute).Unix(), "iat": time.Now().Unix(),
		}).SignedString([]byte("hash of " + a.Password))
		if err != nil {
			panic(err) // of a key that is bytes
		}
		m.resets[token] = a.ID
	}
	return v1Answer{status: http.StatusNoContent}
}

func (m *MedusaV1) useReset(kind string, body map[string]any) v1Answer {
	a, token := m.find(kind, text(body["email"])), text(body["token"])
	if a == nil {
		return v1Refuse(http.StatusUnauthorized, "unauthorized", "Invalid or expired password reset token")
	}
	if m.resets[token] != a.ID {
		return v1Unknown
	}
	delete(m.resets, token)
	a.Password = text(body["password"])
	if kind == "usr" {
		return v1User(a)
	}
	return v1Customer(http.StatusOK, a)
}

func (m *MedusaV1) accept(body map[string]any) v1Answer {
	if body["token"] == nil && body["user"] == nil {
		return v1Refuse(http.StatusBadRequest, "invalid_data", "token should not be empty, token must be a string, user should not be empty")
	}
	c := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(text(body["token"]), c, func(*jwt.Token) (any, error) { return []byte(m.secret), nil })
	if err != nil {
		return v1Refuse(http.StatusBadRequest, "invalid_data", "Token is not valid")
	}
	id := text(c["invite_id"])
	if m.invites[id] == "" {
		return v1Refuse(http.StatusBadRequest, "invalid_data", "Invalid invite")
	}
	user, _ := body["user"].(map[string]any)
	a := m.add("usr", m.invites[id], text(user["password"]))
	a.FirstName, a.LastName = text(user["first_name"]), text(user["last_name"])
	delete(m.invites, id)
	return v1Answer{status: http.StatusOK, plain: "OK"}
}

// store answers for a customer who is logged in, or says who asks.
func (m *MedusaV1) store(r *http.Request, path string, body map[string]any) v1Answer {
	id := m.bearer(r, "store", "customer_id")
	a := m.accounts[id]
	switch {
	case path != "/store/auth" && !strings.HasPrefix(path, "/store/customers/me"):
		return v1Answer{status: http.StatusOK, body: map[string]any{
			"customer_id": id, "cookie": r.Header.Get("Cookie"), "authorization": r.Header.Get("Authorization"),
		}}
	case id == "":
		return v1Unauthorized
	case strings.HasSuffix(path, "/orders"):
		return v1Answer{status: http.StatusOK, body: map[string]any{"orders": []any{}, "count": 0, "of": id}}
	case a == nil:
		return v1Refuse(http.StatusNotFound, "not_found", "Customer with id: "+id+" was not found")
	case r.Method == http.MethodPost:
		for member, field := range map[string]*string{
			"password": &a.Password, "email": &a.Email, "first_name": &a.FirstName, "last_name": &a.LastName,
		} {
			if value, ok := body[member].(string); ok {
				*field = value
			}
		}
		if number, ok := body["phone"].(float64); ok {
			return v1Refuse(http.StatusBadRequest, "invalid_data", fmt.Sprintf("phone must be a string, not %g", number))
		}
	}
	return v1Customer(http.StatusOK, a, "orders", "shipping_addresses")
}

func (m *MedusaV1) admin(r *http.Request, path string, body map[string]any) v1Answer {
	id := m.bearer(r, "admin", "user_id")
	if id == "" && r.Header.Get("X-Medusa-Access-Token") != "api-token" {
		return v1Unauthorized
	}
	switch {
	case m.broken && path != "/admin/auth":
		return v1Unknown
	case path == "/admin/auth":
		if m.accounts[id] == nil || m.broken {
			return v1Answer{status: http.StatusBadRequest, plain: "Bad Request"}
		}
		return v1User(m.accounts[id])
	case path == "/admin/users" && r.Method == http.MethodGet:
		return m.users(r.URL.Query())
	case strings.HasPrefix(path, "/admin/users/") && r.Method == http.MethodGet:
		for known, a := range m.accounts { // the path is in lower case
			if strings.EqualFold(known, strings.TrimPrefix(path, "/admin/users/")) {
				return v1User(a)
			}
		}
		return v1Refuse(http.StatusNotFound, "not_found", "User with id: "+path+" was not found")
	case path == "/admin/users":
		if m.find("usr", text(body["email"])) != nil {
			return v1Refuse(http.StatusBadRequest, "invalid_data", "A user with the same email already exists.")
		}
		return v1User(m.add("usr", text(body["email"]), text(body["password"])))
	case path == "/admin/customers":
		if _, ok := body["password"].(string); !ok {
			return v1Refuse(http.StatusBadRequest, "invalid_data", "password must be a string")
		}
		return m.register(body, http.StatusCreated)
	case r.Method == http.MethodDelete:
		deleted := path[strings.LastIndex(path, "/")+1:]
		for known := range m.accounts {
			if strings.EqualFold(known, deleted) {
				delete(m.accounts, known)
				deleted = known
			}
		}
		return v1Answer{status: http.StatusOK, body: map[string]any{"id": deleted, "object": "user", "deleted": true}}
	}
	return v1Answer{status: http.StatusOK, body: map[string]any{"user_id": id}}
}

func (m *MedusaV1) users(query url.Values) v1Answer {
	users := []any{}
	if a := m.find("usr", query.Get("email")); a != nil {
		users = append(users, a.object())
	}
	return v1Answer{status: http.StatusOK, body: map[string]any{"users": users, "count": len(users)}}
}
