package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// watch passes the request on. The answer of a route that makes or deletes an
// actor is looked at and recorded before the client gets it; every other one
// streams.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request, s *state, next caddyhttp.Handler) error {
	if route := h.credentialRoute(r); route != nil {
		return route.serve(h, w, r, s, next)
	}
	if rule := h.linkFor(r); rule != nil && !s.result.Anonymous() {
		return h.watchLink(w, r, s, rule, next)
	}
	// An API key, which the backend judges, may delete actors by Medusa's routes,
	// whose answers say whom they deleted.
	if rule, actorID := h.unlinkFor(r); rule != nil && (!s.result.Anonymous() || rule.confirmed && h.presentsKey(r)) {
		return h.watchUnlink(w, r, rule, actorID, next)
	}
	return h.pass(w, r, next)
}

// prepare sees to it that the backend knows the identity of which it is about to
// make an actor, and that the token names it so. Who chooses another caller than
// s.caller must prepare again.
func (h *Handler) prepare(r *http.Request, s *state) error {
	caller := s.caller
	if s.link == nil || h.backend == nil || caller == nil || caller.Claims.ActorType != s.link.ActorType || caller.Registered() {
		return nil
	}
	id, err := h.service.Prepare(r.Context(), caller.Claims)
	if err != nil {
		return err
	}
	known := caller.In(id)
	if known == caller {
		return nil
	}
	s.result = s.result.Replaced(caller, known) // auth_require chooses from it
	return s.tell(r, known)
}

// unprepared answers in place of the backend: nothing was asked of it yet.
func (h *Handler) unprepared(w http.ResponseWriter, r *http.Request, err error) error {
	if identity.CodeOf(err) != identity.CodeUnauthorized {
		return h.unknown(w, r, err)
	}
	h.refused(r, identity.ReasonOf(err))
	h.origins.Allow(w.Header(), r)
	if e, ok := errors.AsType[*identity.Error](err); ok && e.Message != "" {
		return unauthorized(e.Message).write(w)
	}
	return answerUnauthorized.write(w)
}

func (h *Handler) watchLink(w http.ResponseWriter, r *http.Request, s *state, rule *Link, next caddyhttp.Handler) error {
	s.link = rule
	if err := h.prepare(r, s); err != nil {
		return h.unprepared(w, r, err)
	}
	r.Header.Del("Accept-Encoding") // a compressed body shows no id
	var actorID string
	rec := &recorder{
		choose: func(status int, header http.Header) course {
			if status/100 != 2 {
				return stream
			}
			if actorID = actorInHeader(header[linkHeader], rule.ActorType); actorID != "" {
				return record
			}
			if rule.JSONPath != "" && h.searchable(header, rule) {
				return search
			}
			return stream
		},
		keep: func(body []byte) error {
			if actorID == "" {
				if actorID = actorIn(body, rule.JSONPath); actorID == "" {
					h.unreadable(rule)
				}
			}
			return h.link(r.Context(), s.caller, rule.ActorType, actorID)
		},
		tooLarge: func() { h.unreadable(rule) },
	}
	return h.run(rec, w, r, next)
}

// run passes the request on with the recorder in place.
func (h *Handler) run(rec *recorder, w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	rec.ResponseWriter = w
	if err := h.pass(rec, r, next); err != nil {
		return err
	}
	if rec.end() != nil {
		return h.replace(w)
	}
	return nil
}

// link records the actor that the backend made for the caller. auth_require may
// have chosen the caller after the handler did; the one that the backend was
// told of counts. The error says that nobody knows yet whether it is recorded.
func (h *Handler) link(ctx context.Context, caller *verify.Caller, actorType, actorID string) error {
	if actorID == "" || caller == nil || caller.Claims.ActorType != actorType || caller.Registered() {
		return nil
	}
	id := caller.Claims.IdentityID
	err := h.service.Link(ctx, id, actorType, actorID)
	about := []zap.Field{
		zap.String("reason", linkReason(err)), zap.String("auth_identity_id", id), zap.String("actor_type", actorType),
		zap.String("actor_id", actorID), zap.Error(err), remedyField(err),
	}
	switch {
	case err == nil:
		h.logger.Info("actor linked", zap.String("auth_identity_id", id), zap.String("actor_type", actorType))
		return nil
	case identity.CodeOf(err) == identity.CodeUnavailable:
		h.logger.Error("actor was made but could not be linked yet", about...)
		h.realm.retries.add(actor{actorType, actorID}, func(ctx context.Context) error {
			return h.service.Link(ctx, id, actorType, actorID)
		})
		return err
	default: // linked to another actor, or the identity is gone: the backend's answer stands
		h.logger.Error("actor was made but not linked", about...)
		return nil
	}
}

func (h *Handler) watchUnlink(w http.ResponseWriter, r *http.Request, rule *Unlink, actorID string, next caddyhttp.Handler) error {
	if rule.confirmed {
		r.Header.Del("Accept-Encoding") // the body has to be read
	}
	rec := &recorder{
		choose: func(status int, header http.Header) course {
			if rule.confirmed && status/100 == 2 && isJSON(header) {
				return search
			}
			if !rule.confirmed && (status == http.StatusNoContent || status/100 == 2 && isJSON(header)) {
				return record
			}
			if status/100 == 2 {
				h.logger.Warn("answer of an unlink route is neither 204 nor JSON, so it is not taken for a success",
					zap.String("reason", "unlink_unreadable"), zap.String("route", rule.Path))
			}
			return stream
		},
		keep: func(body []byte) error {
			if rule.confirmed && !deletes(body, actorID) {
				return nil
			}
			return h.unlink(r.Context(), rule.ActorType, actorID)
		},
		tooLarge: func() {}, // no answer that says whom it deleted is so long
	}
	return h.run(rec, w, r, next)
}

// unlink records that the backend deleted an actor.
func (h *Handler) unlink(ctx context.Context, actorType, actorID string) error {
	err := h.service.Unlink(ctx, actorType, actorID)
	if err != nil {
		h.logger.Error("actor was deleted but could not be unlinked yet", zap.String("reason", identity.ReasonOf(err)),
			zap.String("actor_type", actorType), zap.String("actor_id", actorID), zap.Error(err), remedyField(err))
		h.realm.retries.add(actor{actorType, actorID}, func(ctx context.Context) error {
			return h.service.Unlink(ctx, actorType, actorID)
		})
		return err
	}
	h.realm.retries.drop(actor{actorType, actorID}) // a link to it must not come after this
	h.logger.Info("actor unlinked", zap.String("actor_type", actorType), zap.String("actor_id", actorID))
	return nil
}

// replace answers 503 in place of a success that could not be recorded: the
// client must not believe in an account that cannot be used yet.
func (h *Handler) replace(w http.ResponseWriter) error {
	header := w.Header()
	for _, field := range []string{"Content-Encoding", "Etag", "Location", "Set-Cookie", "Trailer", linkHeader} {
		header.Del(field)
	}
	return answerUnknown.write(w)
}

// searchable reports whether the body can be searched.
func (h *Handler) searchable(header http.Header, rule *Link) bool {
	if isJSON(header) && header.Get("Content-Encoding") == "" {
		return true
	}
	h.unreadable(rule)
	return false
}

// unreadable tells the operator that a rule cannot find what it is for.
func (h *Handler) unreadable(rule *Link) {
	h.logger.Warn("answer of a link route names no actor: it is no JSON, compressed, larger than 256 KiB, or lacks the id",
		zap.String("reason", "link_unreadable"), zap.String("route", rule.Path))
}

func isJSON(header http.Header) bool {
	return strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "application/json")
}

func linkReason(err error) string {
	switch {
	case errors.Is(err, identity.ErrLinked):
		return "link_other_actor"
	case errors.Is(err, identity.ErrNotFound):
		return "link_identity_gone"
	}
	return identity.ReasonOf(err)
}
