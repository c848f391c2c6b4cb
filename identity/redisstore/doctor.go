package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Level says how bad a Finding is.
type Level int

const (
	// Fine: it was looked at and is as it should be.
	Fine Level = iota
	// Unchecked: the server did not let us look, as managed ones do.
	Unchecked
	// Wrong: people may lose their accounts, or nothing will work.
	Wrong
)

// String implements fmt.Stringer.
func (l Level) String() string {
	return [...]string{"ok", "could not be checked", "wrong"}[l]
}

// Finding is what the doctor has to say about one thing.
type Finding struct {
	// Check names what was looked at: connection, version, topology, eviction, memory,
	// persistence, clock, replicas, permissions, schema, cluster.
	Check string
	// Server is the host and port of a cluster's node; empty with one server.
	Server string
	Level  Level
	// Detail says what was found, and Remedy what to do when it is wrong. Neither
	// holds a secret.
	Detail, Remedy string
}

// Examination says what to look for.
type Examination struct {
	// Wait is what the client was told. Default: none.
	Wait Wait
}

// Examine looks at the servers behind the store: whether they keep what is written,
// can do what is asked of them, and are what the configuration says. The error,
// with code CodeUnavailable, says that none could be asked.
func (s *Store) Examine(ctx context.Context, e Examination) ([]Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, max(s.timeout, workTimeout))
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		switch {
		case errors.Is(err, errReplica):
			return []Finding{wrong("topology", "the address leads to a replica",
				"name the master, or use sentinel <master> so that it is found")}, nil
		case strings.Contains(err.Error(), "cluster support disabled"):
			return []Finding{wrong("topology", "cluster is set, and the server is no node of a cluster", "take cluster out")}, nil
		}
		if _, cluster := s.client.(*redis.ClusterClient); !cluster { // others of its nodes may answer
			return nil, classify("examining", err)
		}
	}
	var (
		findings []Finding
		whole    = true
		err      error
	)
	switch c := s.client.(type) {
	case *redis.Client:
		findings, err = s.examineServer(ctx, c, e, false)
	case *redis.ClusterClient:
		findings, whole, err = s.examineNodes(ctx, c, e)
	}
	if err != nil {
		return nil, classify("examining", err)
	}
	schema, err := s.examineSchema(ctx)
	switch {
	case err == nil:
		findings = append(findings, schema)
	case whole:
		return nil, classify("examining", err)
	default: // the node that has it cannot be asked, as is said
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return strings.Compare(a.Server, b.Server) })
	return findings, nil
}

// examineNodes looks at every master of a cluster, and reports whether each could be
// asked; the error says that none could.
func (s *Store) examineNodes(ctx context.Context, c *redis.ClusterClient, e Examination) (findings []Finding, whole bool, err error) {
	var mu sync.Mutex
	answered, last := 0, error(nil)
	whole = true
	err = c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		found, err := s.examineServer(ctx, node, e, true)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			whole, last = false, err
			found = []Finding{wrong("connection", withoutArguments(err).Error(), "start it, or let a replica take its place")}
		} else {
			answered++
		}
		for _, f := range found {
			f.Server = node.Options().Addr
			findings = append(findings, f)
		}
		return nil
	})
	if err == nil && answered == 0 {
		err = last
	}
	return findings, whole, err
}

func (s *Store) examineServer(ctx context.Context, c *redis.Client, e Examination, cluster bool) ([]Finding, error) {
	info, err := readInfo(ctx, c)
	if err != nil {
		return nil, err
	}
	clock, err := s.examineClock(ctx, c)
	if err != nil {
		return nil, err
	}
	permissions, err := s.examinePermissions(ctx, c)
	if err != nil {
		return nil, err
	}
	findings := []Finding{
		examineVersion(info), examineTopology(info, cluster), examineEviction(info), examineMemory(info),
		examinePersistence(ctx, c, info), clock, examineReplicas(info, e.Wait), permissions,
	}
	if cluster {
		state, err := examineCluster(ctx, c)
		if err != nil {
			return nil, err
		}
		findings = append(findings, state)
	}
	return findings, nil
}

// maxSkew is how far the server's clock may be from ours: what a token is worth
// goes by ours, how long anything is kept by the server's.
const maxSkew = time.Second

func (s *Store) examineClock(ctx context.Context, c *redis.Client) (Finding, error) {
	before := s.clock()
	theirs, err := c.Time(ctx).Result()
	if refused(err) {
		return unchecked("clock", err), nil
	}
	if err != nil {
		return Finding{}, err
	}
	after := s.clock()
	off := time.Duration(0)
	if theirs.Before(before) {
		off = before.Sub(theirs)
	} else if theirs.After(after) {
		off = theirs.Sub(after)
	}
	if off > maxSkew {
		return wrong("clock", fmt.Sprintf("the server's clock is %v off ours", off.Round(time.Millisecond)),
			"let both machines keep time by NTP: else credentials end too soon or too late"), nil
	}
	return fine("clock", "less than a second off ours"), nil
}

func (s *Store) examineSchema(ctx context.Context) (Finding, error) {
	minReader, err := s.client.HGet(ctx, s.keys.meta(), metaMinReader).Int()
	switch {
	case errors.Is(err, redis.Nil):
		return fine("schema", "no identities yet"), nil
	case refused(err):
		return unchecked("schema", err), nil
	case err != nil:
		if _, isNumber := errors.AsType[redis.Error](err); !isNumber && reason(err) == "store_error" {
			return wrong("schema", "the mark of the data is not readable", "use another key_prefix: something else writes there"), nil
		}
		return Finding{}, err
	case minReader > schema:
		return wrong("schema", fmt.Sprintf("the data needs version %d, this is %d", minReader, schema), "use a newer version of the sidecar"), nil
	}
	return fine("schema", fmt.Sprintf("version %d", schema)), nil
}

func examineCluster(ctx context.Context, c *redis.Client) (Finding, error) {
	text, err := c.ClusterInfo(ctx).Result()
	if refused(err) {
		return unchecked("cluster", err), nil
	}
	if err != nil {
		return Finding{}, err
	}
	info := parseInfo(text)
	if info["cluster_state"] != "ok" || info["cluster_slots_ok"] != "16384" {
		return wrong("cluster", fmt.Sprintf("state %s, %s of 16384 slots served", info["cluster_state"], info["cluster_slots_ok"]),
			"bring the missing nodes back; redis-cli --cluster check says which"), nil
	}
	return fine("cluster", "every slot is served"), nil
}

// refused reports whether the server answered that it will not say.
func refused(err error) bool {
	_, answered := errors.AsType[redis.Error](err)
	return answered && !errors.Is(err, redis.Nil) && identity.ReasonOf(classify("", err)) != "store_loading"
}

func fine(check, detail string) Finding { return Finding{Check: check, Detail: detail} }

func wrong(check, detail, remedy string) Finding {
	return Finding{Check: check, Level: Wrong, Detail: detail, Remedy: remedy}
}

func unchecked(check string, err error) Finding {
	detail := "the server does not say"
	if err != nil {
		detail = withoutArguments(err).Error()
	}
	return Finding{Check: check, Level: Unchecked, Detail: detail}
}
