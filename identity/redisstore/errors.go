package redisstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// replyReasons maps the first words of Redis' error replies to reasons.
var replyReasons = []struct{ prefix, reason string }{
	{"LOADING", "store_loading"},
	{"READONLY", "store_readonly"},
	{"OOM", "store_oom"},
	{"MISCONF", "store_misconf"}, // it cannot write to its disk
	{"NOREPLICAS", "store_noreplicas"},
	{"NOAUTH", "store_auth"},
	{"WRONGPASS", "store_auth"},
	{"NOPERM", "store_auth"},
	{"CLUSTERDOWN", "store_clusterdown"},
	{"MASTERDOWN", "store_masterdown"},
	{"TRYAGAIN", "store_moving"},
	{"MOVED", "store_moving"},
	{"ASK", "store_moving"},
	{"BUSY", "store_busy"}, // a script that does not end
	{"max number of clients", "store_maxclients"},
	{"WRONGTYPE", "store_corrupt"},
	{"CORRUPT", "store_corrupt"}, // a reply of our own scripts
}

// classify is what every operation ends with: answers of the store pass,
// everything else is CodeUnavailable with a reason per class of failure.
func classify(operation string, err error) error {
	if err == nil || isAnswer(err) {
		return err
	}
	err = fmt.Errorf("%s: %w", operation, err)
	if _, ok := errors.AsType[*identity.Error](err); ok {
		return err
	}
	return identity.Unavailable(reason(err), withoutArguments(err))
}

func isAnswer(err error) bool {
	switch err {
	case identity.ErrNotFound, identity.ErrExists, identity.ErrStale, identity.ErrLinked, identity.ErrLast:
		return true
	}
	return false
}

func reason(err error) string {
	if reply, ok := errors.AsType[redis.Error](err); ok && !errors.Is(err, redis.Nil) {
		return replyReason(reply)
	}
	if _, ok := errors.AsType[notReplicated](err); ok {
		return "write_not_replicated"
	}
	switch {
	case errors.Is(err, errReplica):
		return "store_replica"
	case errors.Is(err, errNoMaster):
		return "store_no_master"
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return "store_pool"
	case errors.Is(err, redis.ErrClosed):
		return "store_closed"
	case errors.Is(err, context.Canceled):
		return "store_canceled" // the client left
	case isTimeout(err):
		return "store_timeout"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist): // the latter: no such socket
		return "store_refused"
	case isTLS(err):
		return "store_tls"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "store_disconnected"
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return "store_network"
	}
	return "store_error"
}

func replyReason(reply redis.Error) string {
	// Until Redis 7 what went wrong in a script comes after where it did.
	inScript := redis.HasErrorPrefix(reply, "Error ")
	for _, known := range replyReasons {
		if redis.HasErrorPrefix(reply, known.prefix) || inScript && strings.Contains(reply.Error(), known.prefix+" ") {
			return known.reason
		}
	}
	return "store_error"
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok { // the server does not speak TLS
		return true
	}
	_, ok := errors.AsType[tls.AlertError](err)
	return ok
}

// withoutArguments hides the arguments that Redis repeats when it does not know
// a command: they may be a record with a password hash.
func withoutArguments(err error) error {
	if text, _, found := strings.Cut(err.Error(), ", with args"); found {
		return errors.New(text)
	}
	return err
}

// corrupt says that something is stored that this package did not write.
func corrupt(err error) error {
	return identity.Unavailable("store_corrupt", fmt.Errorf("not readable: %w", err))
}

// unexpected says that Redis answered what it does not answer to that question.
// It may be something else that answers, and nothing can be concluded.
func unexpected(reply any) error {
	return identity.Unavailable("store_error", fmt.Errorf("unexpected reply %v", reply))
}

// invalid says that the caller asked for what cannot be stored.
func invalid(err error) error {
	return &identity.Error{Code: identity.CodeInternal, Reason: "store_invalid_argument", Err: err}
}
