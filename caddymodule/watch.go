package caddymodule

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxWatched is the largest body that is searched for an actor's id, in bytes.
const maxWatched = 256 << 10

// watch passes the request on. The answer of a route that makes or deletes an
// actor is looked at and recorded before the client gets it; every other one
// streams.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request, s *state, next caddyhttp.Handler) error {
	if rule := h.linkFor(r); rule != nil {
		return h.watchLink(w, r, s, rule, next)
	}
	if rule, actorID := h.unlinkFor(r); rule != nil && !s.result.Anonymous() {
		return h.watchUnlink(w, r, rule, actorID, next)
	}
	return next.ServeHTTP(w, r)
}

func (h *Handler) watchLink(w http.ResponseWriter, r *http.Request, s *state, rule *Link, next caddyhttp.Handler) error {
	r.Header.Del("Accept-Encoding") // a compressed body shows no id
	var body bytes.Buffer
	var fromHeader string
	recorder := caddyhttp.NewResponseRecorder(w, &body, func(status int, header http.Header) bool {
		fromHeader = actorInHeader(header[linkHeader], rule.ActorType)
		return status/100 == 2 && (fromHeader != "" || rule.JSONPath != "" && h.searchable(header, rule))
	})
	if err := next.ServeHTTP(recorder, r); err != nil {
		return err
	}
	if !recorder.Buffered() {
		return nil
	}
	actorID := fromHeader
	if actorID == "" {
		actorID = actorIn(body.Bytes(), rule.JSONPath)
	}
	// auth_require may have chosen another caller meanwhile: the one that the
	// backend was told of counts.
	caller := s.caller
	if actorID == "" || caller == nil || caller.Claims.ActorType != rule.ActorType || caller.Registered() {
		return recorder.WriteResponse()
	}
	id := caller.Claims.IdentityID
	err := h.realm.service.Link(r.Context(), id, rule.ActorType, actorID)
	switch {
	case err == nil:
		h.logger.Info("actor linked", zap.String("auth_identity_id", id), zap.String("actor_type", rule.ActorType))
	case identity.CodeOf(err) == identity.CodeUnavailable:
		h.logger.Error("actor was made but could not be linked yet", zap.String("reason", identity.ReasonOf(err)),
			zap.String("auth_identity_id", id), zap.String("actor_type", rule.ActorType), zap.String("actor_id", actorID), zap.Error(err))
		h.retries.add(func(ctx context.Context) error {
			return h.realm.service.Link(ctx, id, rule.ActorType, actorID)
		})
		return h.replace(w)
	default: // linked to another actor, or the identity is gone: the backend's answer stands
		h.logger.Error("actor was made but not linked", zap.String("reason", linkReason(err)),
			zap.String("auth_identity_id", id), zap.String("actor_type", rule.ActorType), zap.String("actor_id", actorID), zap.Error(err))
	}
	return recorder.WriteResponse()
}

func (h *Handler) watchUnlink(w http.ResponseWriter, r *http.Request, rule *Unlink, actorID string, next caddyhttp.Handler) error {
	var body bytes.Buffer
	recorder := caddyhttp.NewResponseRecorder(w, &body, func(status int, header http.Header) bool {
		return status/100 == 2 && isJSON(header) && declaredSize(header) <= maxWatched
	})
	if err := next.ServeHTTP(recorder, r); err != nil {
		return err
	}
	if !recorder.Buffered() {
		return nil
	}
	err := h.realm.service.Unlink(r.Context(), rule.ActorType, actorID)
	if err != nil {
		h.logger.Error("actor was deleted but could not be unlinked yet", zap.String("reason", identity.ReasonOf(err)),
			zap.String("actor_type", rule.ActorType), zap.String("actor_id", actorID), zap.Error(err))
		h.retries.add(func(ctx context.Context) error {
			return h.realm.service.Unlink(ctx, rule.ActorType, actorID)
		})
		return h.replace(w)
	}
	h.logger.Info("actor unlinked", zap.String("actor_type", rule.ActorType), zap.String("actor_id", actorID))
	return recorder.WriteResponse()
}

// replace answers 503 in place of a success that could not be recorded: the
// client must not believe in an account that cannot be used yet.
func (h *Handler) replace(w http.ResponseWriter) error {
	header := w.Header()
	for _, field := range []string{"Content-Encoding", "Etag", "Set-Cookie", linkHeader} {
		header.Del(field)
	}
	return answerUnknown.write(w)
}

// searchable reports whether the body can be buffered and searched, and tells
// the operator when it cannot though the rule expects it.
func (h *Handler) searchable(header http.Header, rule *Link) bool {
	if isJSON(header) && header.Get("Content-Encoding") == "" && declaredSize(header) <= maxWatched {
		return true
	}
	h.logger.Warn("answer of a link route cannot be searched for the actor's id",
		zap.String("reason", "link_unreadable"), zap.String("route", rule.Path))
	return false
}

func isJSON(header http.Header) bool {
	return strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "application/json")
}

// declaredSize is the body's length in bytes; without a Content-Length it is
// taken as too large, for it may never end.
func declaredSize(header http.Header) int {
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil || n < 0 {
		return maxWatched + 1
	}
	return n
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
