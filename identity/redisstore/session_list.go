package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxListed bounds the sessions of an identity. Those that were used longest ago
// end when there are more.
const maxListed = 100

// listedGrace is for how long a session without a record stays on the list: it
// is listed before its record is written. It is longer than any operation takes.
const listedGrace = 2 * maxTimeout

// listedSession is a session on an identity's list as it is stored, behind its
// end and its last use, which scripts read.
type listedSession struct {
	SID        string   `json:"sid"`
	CreatedAt  int64    `json:"created_at"` // milliseconds
	IssuedAt   int64    `json:"issued_at"`  // seconds
	Address    string   `json:"address,omitempty"`
	Agent      string   `json:"agent,omitempty"`
	ActorTypes []string `json:"actor_types"`
	Shared     bool     `json:"shared,omitempty"`
}

// ListSession puts a session on the list of an identity's sessions, or returns
// identity.ErrNotFound if there is no such identity. It is called before the
// record is written, so that no session lives that was not listed. The one whose
// public id is replaced, unless "", is about to end and does not count.
//
// When there are too many it deletes the records of those that were used longest
// ago, and then takes them off the list: ended are their ids in the cookie, whatever
// the error is. What cannot be deleted stays on the list, and the next call tries
// again; with twice too many nothing is listed, and the error is CodeUnavailable.
func (s *Store) ListSession(ctx context.Context, id string, e identity.SessionEntry, replaced string) (ended []string, err error) {
	if !validID(id) {
		return nil, identity.ErrNotFound
	}
	value, err := encodeListed(e)
	if err != nil {
		return nil, invalid(err)
	}
	err = s.durably(ctx, "listing a session", func(ctx context.Context) error {
		reply, err := s.run(ctx, listSessionScript, []string{s.keys.identity(id), s.keys.list(id)}, e.ID, value, s.now(), maxListed, replaced).Slice()
		if err != nil {
			return err
		}
		code, pushed, err := decodePushed(reply)
		switch {
		case err != nil:
			return err
		case code == 0:
			return identity.ErrNotFound
		}
		ended = s.endPushed(ctx, id, pushed)
		if code == 2 {
			return identity.Unavailable("too_many_sessions", errors.New("sessions that are one too many cannot be ended"))
		}
		return nil
	})
	return ended, err
}

// SeeSession notes that a listed session was used at that time and when it ends
// now. It is no error if it is not on the list.
func (s *Store) SeeSession(ctx context.Context, id, session string, used, ends time.Time) error {
	if !validID(id) {
		return nil
	}
	return s.do(ctx, "noting the use of a session", func(ctx context.Context) error {
		_, err := s.askBool(ctx, seeSessionScript, []string{s.keys.list(id)}, session, millis(used), millis(ends), s.now())
		return err
	})
}

// UnlistSessions takes sessions off the list of an identity's sessions.
func (s *Store) UnlistSessions(ctx context.Context, id string, sessions ...string) error {
	if !validID(id) || len(sessions) == 0 {
		return nil
	}
	return s.do(ctx, "taking sessions off a list", func(ctx context.Context) error {
		return s.client.HDel(ctx, s.keys.list(id), sessions...).Err()
	})
}

// ListedSessions returns the sessions on the identity's list that have a record,
// in no order, and takes off those that have none any more.
func (s *Store) ListedSessions(ctx context.Context, id string) ([]identity.SessionEntry, error) {
	if !validID(id) {
		return nil, nil
	}
	var live []identity.SessionEntry
	err := s.do(ctx, "reading a list of sessions", func(ctx context.Context) error {
		fields, err := s.client.HGetAll(ctx, s.keys.list(id)).Result()
		if err != nil {
			return err
		}
		now := s.clock()
		var listed []identity.SessionEntry
		var gone []string
		for session, value := range fields {
			e, err := decodeListed(session, value)
			if err != nil {
				return corrupt(err)
			}
			if !e.ExpiresAt.After(now) {
				gone = append(gone, session)
				continue
			}
			listed = append(listed, e)
		}
		there, err := s.recorded(ctx, listed)
		if err != nil {
			return err
		}
		for n, e := range listed {
			switch {
			case there[n]:
				live = append(live, e)
			case now.Sub(e.UsedAt) > listedGrace:
				gone = append(gone, e.ID)
			}
		}
		if len(gone) > 0 {
			_ = s.client.HDel(ctx, s.keys.list(id), gone...).Err() // the next to read it will
		}
		return nil
	})
	return live, err
}

// recorded reports of each session whether it has a record.
func (s *Store) recorded(ctx context.Context, listed []identity.SessionEntry) ([]bool, error) {
	there := make([]bool, len(listed))
	if len(listed) == 0 {
		return there, nil
	}
	replies := make([]*redis.IntCmd, len(listed))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n, e := range listed {
			replies[n] = p.Exists(ctx, s.keys.session(e.SID))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for n, reply := range replies {
		there[n] = reply.Val() == 1
	}
	return there, nil
}

func encodeListed(e identity.SessionEntry) (string, error) {
	if e.ID == "" || e.SID == "" || e.ExpiresAt.IsZero() || e.UsedAt.IsZero() {
		return "", errors.New("listing a session: want its ids and times")
	}
	about, err := json.Marshal(listedSession{
		SID: e.SID, CreatedAt: unixMilli(e.CreatedAt), IssuedAt: e.IssuedAt, Address: e.Address, Agent: e.Agent,
		ActorTypes: e.ActorTypes, Shared: e.Shared,
	})
	return millis(e.ExpiresAt) + " " + millis(e.UsedAt) + " " + string(about), err
}

func decodeListed(session, value string) (identity.SessionEntry, error) {
	ends, rest, _ := strings.Cut(value, " ")
	used, about, _ := strings.Cut(rest, " ")
	var l listedSession
	if err := json.Unmarshal([]byte(about), &l); err != nil || l.SID == "" {
		return identity.SessionEntry{}, errors.New("an entry of a session list")
	}
	e := identity.SessionEntry{
		ID: session, SID: l.SID, IssuedAt: l.IssuedAt, Address: l.Address, Agent: l.Agent, ActorTypes: l.ActorTypes, Shared: l.Shared,
	}
	for to, text := range map[*time.Time]string{&e.ExpiresAt: ends, &e.UsedAt: used, &e.CreatedAt: strconv.FormatInt(l.CreatedAt, 10)} {
		var err error
		if *to, err = decodeMillis(text); err != nil {
			return identity.SessionEntry{}, fmt.Errorf("an entry of a session list: %w", err)
		}
	}
	return e, nil
}
