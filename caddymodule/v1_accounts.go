package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusav1"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// v1Accounts are the routes at which a Medusa v1 makes accounts with a password
// that somebody chose. It gets the derived one, and the identity is made here when
// it has said yes.
//
// When the identity could not be made, the answer is 503 and the account stays.
// Whoever repeats the request is told by the backend that there is one; if it was
// made by that first attempt, it is completed.
type v1Accounts struct{ client *medusav1.Backend }

// making is an account that is being made.
type making struct {
	v1Accounts
	handler   *Handler
	actorType string
	entry     identity.ProviderIdentity
	password  string
	// done makes the answer for an account that an earlier attempt made.
	done func(identity.Person) instead
}

// make handles the routes of staff: POST /admin/customers and /admin/users.
func (v v1Accounts) make(actorType string) credentialHandler {
	member := map[string]string{identity.Customer: "customer", identity.User: "user"}[actorType]
	status := map[string]int{identity.Customer: http.StatusCreated, identity.User: http.StatusOK}[actorType]
	return func(h *Handler, w http.ResponseWriter, r *http.Request, s *state, next caddyhttp.Handler) error {
		body, err := h.readMembers(w, r)
		if err != nil {
			return h.refuseBody(w, r, err)
		}
		address, hasAddress := body.text("email")
		pass, hasPassword := body.text("password")
		if s.caller == nil && !h.presentsKey(r) {
			delete(body, "password")
			return h.passMembers(w, r, body, next) // which says that nobody is logged in
		}
		if !hasAddress || !hasPassword {
			return h.passMembers(w, r, body, next) // which says what is missing
		}
		m := making{v1Accounts: v, handler: h, actorType: actorType, password: pass, done: func(p identity.Person) instead {
			return jsonInstead(status, map[string]json.RawMessage{member: p.Body})
		}}
		m.entry, err = m.prepare(r.Context(), address)
		if errors.Is(err, identity.ErrAddressOfUser) && !isUser(s.caller) {
			return h.refuseAfter(w, r, body, next, err)
		}
		if err != nil {
			return h.refuseBody(w, r, err)
		}
		body.set("password", v.client.Password(m.entry).Reveal())
		if err := body.put(r); err != nil {
			return err
		}
		return m.run(w, r, next, func(got []byte) (string, *instead) {
			var answer map[string]map[string]json.RawMessage
			if json.Unmarshal(got, &answer) != nil {
				return "", nil
			}
			var id string
			_ = json.Unmarshal(answer[member]["id"], &id) // "" is looked for below
			if _, shown := answer[member]["password_hash"]; !shown {
				return id, nil
			}
			delete(answer[member], "password_hash") // nobody needs it
			without := jsonInstead(status, answer)
			return id, &without
		})
	}
}

func isUser(c *verify.Caller) bool { return c != nil && c.Claims.ActorType == identity.User }

// refuseAfter refuses an account to whom the backend lets make some: a key that only
// it can judge, or a customer's token, must not tell anybody who is a user. Without a
// password it makes nothing, and says 400 to those who may.
func (h *Handler) refuseAfter(w http.ResponseWriter, r *http.Request, body members, next caddyhttp.Handler, cause error) error {
	delete(body, "password")
	if err := body.put(r); err != nil {
		return err
	}
	rec := &recorder{
		choose: func(status int, _ http.Header) course {
			if status == http.StatusBadRequest {
				return record
			}
			return stream
		},
		keep:     func([]byte) error { return errInstead },
		tooLarge: func() {}, // the body is not looked at
	}
	rec.ResponseWriter = w
	if err := h.pass(rec, r, next); err != nil || rec.end() == nil {
		return err
	}
	w.Header().Del("Etag")
	w.Header().Del("Content-Encoding")
	return h.refuseBody(w, r, cause)
}

// accept handles POST /admin/invites/accept, whose answer names nobody.
func (v v1Accounts) accept(h *Handler, w http.ResponseWriter, r *http.Request, _ *state, next caddyhttp.Handler) error {
	body, err := h.readMembers(w, r)
	if err != nil {
		return h.refuseBody(w, r, err)
	}
	token, hasToken := body.text("token")
	var user members
	pass, hasPassword := "", false
	if json.Unmarshal(body["user"], &user) == nil {
		pass, hasPassword = user.text("password")
	}
	if !hasToken || token == "" || !hasPassword {
		return h.passMembers(w, r, body, next) // which says what is missing
	}
	address := v.client.Invited(token)
	if address == "" {
		return h.refuseBody(w, r, &identity.Error{Code: identity.CodeInvalid, Reason: "invite_invalid", Message: "Token is not valid"})
	}
	m := making{v1Accounts: v, handler: h, actorType: identity.User, password: pass, done: func(identity.Person) instead {
		return instead{http.StatusOK, "text/plain; charset=utf-8", []byte("OK")}
	}}
	if m.entry, err = m.prepare(r.Context(), address); err != nil {
		return h.refuseBody(w, r, err)
	}
	user.set("password", v.client.Password(m.entry).Reveal())
	if body["user"], err = json.Marshal(user); err != nil {
		return err
	}
	if err := body.put(r); err != nil {
		return err
	}
	return m.run(w, r, next, func([]byte) (string, *instead) { return "", nil })
}

// prepare checks what the backend cannot.
func (m *making) prepare(ctx context.Context, address string) (identity.ProviderIdentity, error) {
	if m.password == "" {
		return identity.ProviderIdentity{}, &identity.Error{Code: identity.CodeInvalid, Reason: "password_missing", Message: "password should not be empty"}
	}
	if err := password.Check(m.password); err != nil {
		return identity.ProviderIdentity{}, err
	}
	return m.handler.service.EntryFor(ctx, m.actorType, address)
}

// errInstead: another answer takes the place of the backend's.
var errInstead = errors.New("another answer")

// run passes the request on and records the account. read finds the actor's id in
// the backend's answer, "" if it is not in there, and what to answer in its place.
func (m *making) run(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, read func(body []byte) (string, *instead)) error {
	delete(r.Header, "Accept-Encoding") // the body has to be read
	var other *instead
	made := false
	rec := &recorder{
		choose: func(status int, _ http.Header) course {
			made = status/100 == 2
			if made || status == http.StatusBadRequest || status == http.StatusUnprocessableEntity {
				return search
			}
			return stream
		},
		keep: func(body []byte) error {
			var err error
			if other, err = m.keep(r.Context(), made, body, read); err != nil {
				return err
			}
			if other != nil {
				return errInstead
			}
			return nil
		},
		tooLarge: func() { m.unreadable() },
	}
	rec.ResponseWriter = w
	if err := m.handler.pass(rec, r, next); err != nil {
		return err
	}
	switch {
	case rec.end() == nil:
		return nil
	case other != nil:
		return other.write(w)
	}
	return m.handler.replace(w)
}

// keep records the account. The error says that nobody knows yet whether it is.
func (m *making) keep(ctx context.Context, made bool, body []byte, read func([]byte) (string, *instead)) (*instead, error) {
	var id string
	var other *instead
	if made {
		id, other = read(body)
	}
	if id == "" {
		person, err := m.client.Made(ctx, m.actorType, m.entry)
		if errors.Is(err, identity.ErrNotFound) {
			if made {
				m.unreadable()
			}
			return other, nil // the backend's answer stands
		}
		if err != nil {
			m.failed(err)
			return nil, err
		}
		id = person.ActorID
		if !made {
			done := m.done(person)
			other = &done
		}
	}
	err := m.handler.service.Entrust(ctx, m.actorType, id, m.entry, m.password)
	switch {
	case err == nil:
		m.handler.logger.Info("account was made at the backend", zap.String("actor_type", m.actorType), zap.String("actor_id", id))
		return other, nil
	case errors.Is(err, identity.ErrExists) && !made: // it is no attempt of before that is repeated
		return nil, nil
	case errors.Is(err, identity.ErrExists):
		return other, nil
	case identity.CodeOf(err) == identity.CodeUnavailable:
		m.failed(err)
		return nil, err
	}
	m.failed(err) // trying again would not help: the backend's answer stands
	if !made {
		other = nil
	}
	return other, nil
}

func (m *making) failed(err error) {
	m.handler.logger.Error("account was made at the backend, and nobody can log in to it yet",
		zap.String("reason", linkReason(err)), zap.String("actor_type", m.actorType), zap.Error(err))
}

func (m *making) unreadable() {
	m.handler.logger.Error("the backend made an account and does not say which",
		zap.String("reason", "account_unreadable"), zap.String("actor_type", m.actorType))
}

// instead is an answer in place of the backend's, with the rest of its header.
type instead struct {
	status      int
	contentType string
	body        []byte
}

func jsonInstead(status int, body any) instead {
	data, err := json.Marshal(body)
	if err != nil { // of parts of JSON
		data = []byte("{}")
	}
	return instead{status, "application/json; charset=utf-8", data}
}

func (i *instead) write(w http.ResponseWriter) error {
	h := w.Header()
	h.Del("Etag")
	h.Del("Content-Encoding")
	h.Set("Content-Type", i.contentType)
	h.Set("Content-Length", strconv.Itoa(len(i.body)))
	w.WriteHeader(i.status)
	_, err := w.Write(i.body)
	return err
}
