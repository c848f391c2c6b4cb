package demo

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oklog/ulid/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// inviteLife is how long an invite can be accepted.
const inviteLife = 24 * time.Hour

// invite has the members of Medusa's admin API, in its order.
type invite struct {
	ID        string         `json:"id"`
	Email     string         `json:"email"`
	Accepted  bool           `json:"accepted"`
	Token     string         `json:"token"`
	ExpiresAt identity.Time  `json:"expires_at"`
	Metadata  map[string]any `json:"metadata"`
	CreatedAt identity.Time  `json:"created_at"`
	UpdatedAt identity.Time  `json:"updated_at"`
	DeletedAt *identity.Time `json:"deleted_at"`
}

// inviteClaims is the payload of an invite's token, whose members Medusa's
// dashboard looks for (reference medusa-v2, section 14).
type inviteClaims struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	jwt.RegisteredClaims
}

var errInvite = errors.New("the invite is not open")

// Invite makes an invite for the address and returns the token with which a
// caller becomes an admin user. It is how a shop gets its first one.
func (r *Records) Invite(email string) (token string, err error) {
	made, err := r.addInvite(email)
	return made.Token, err
}

func (r *Records) addInvite(email string) (invite, error) {
	now := now()
	made := invite{
		ID:        "invite_" + ulid.Make().String(),
		Email:     email,
		ExpiresAt: identity.Time{Time: now.Add(inviteLife)},
		CreatedAt: now,
		UpdatedAt: now,
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, inviteClaims{
		ID:    made.ID,
		Email: email,
		RegisteredClaims: jwt.RegisteredClaims{
			IssuedAt:  jwt.NewNumericDate(now.Time),
			ExpiresAt: jwt.NewNumericDate(made.ExpiresAt.Time),
			ID:        rand.Text(),
		},
	}).SignedString(r.inviteKey)
	if err != nil {
		return invite{}, fmt.Errorf("sign invite: %w", err)
	}
	made.Token = token
	r.mu.Lock()
	defer r.mu.Unlock()
	r.invites.add(made, idKey(made.ID))
	return made, nil
}

// acceptInvite makes u a user with the invite's address, unless u has one of its
// own, and uses the invite up.
func (r *Records) acceptInvite(token string, u user, identityID string) (user, error) {
	var claims inviteClaims
	_, err := jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return r.inviteKey, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	if err != nil {
		return user{}, fmt.Errorf("parse invite: %w", err)
	}
	now := now()
	u.ID = "user_" + ulid.Make().String()
	u.Email = cmp.Or(u.Email, claims.Email)
	u.CreatedAt, u.UpdatedAt = now, now

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.invites.find(idKey(claims.ID)) == nil {
		return user{}, errInvite
	}
	if err := addActor(r.users, u, u.ID, u.Email, identityID); err != nil {
		return user{}, err
	}
	r.invites.remove(idKey(claims.ID))
	return u, nil
}

// createInvite answers POST /admin/invites.
func (s *shop) createInvite(w http.ResponseWriter, r *http.Request, _ Caller) {
	f, ok := readFields(w, r, "email", "metadata")
	if !ok {
		return
	}
	email := f.text("email")
	if email == nil {
		writeError(w, http.StatusBadRequest, invalidData("Invalid request: Field 'email' is required"))
		return
	}
	made, err := s.Records.addInvite(*email)
	if err != nil {
		writeUnknownError(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]invite{"invite": made})
}

// acceptInvite answers POST /admin/invites/accept?token=. Whatever is wrong with
// the invite is a 401, as with Medusa (reference medusa-v2, section 8).
func (s *shop) acceptInvite(w http.ResponseWriter, r *http.Request, c Caller) {
	f, ok := readFields(w, r, "email", "first_name", "last_name")
	if !ok {
		return
	}
	token := r.URL.Query().Get("token")
	switch {
	case token == "":
		writeError(w, http.StatusBadRequest, invalidData("Invalid request: Field 'token' is required"))
		return
	case c.ActorID != "":
		writeError(w, http.StatusBadRequest,
			invalidData("The user is already authenticated and cannot accept an invite."))
		return
	}
	u := user{FirstName: f.text("first_name"), LastName: f.text("last_name")}
	if email := f.text("email"); email != nil {
		u.Email = *email
	}
	accepted, err := s.Records.acceptInvite(token, u, c.IdentityID)
	if err != nil {
		writeError(w, http.StatusUnauthorized, wireError{Message: "Unauthorized"})
		return
	}
	s.announce(w, userType, accepted.ID)
	writeJSON(w, http.StatusOK, map[string]user{"user": accepted})
}
