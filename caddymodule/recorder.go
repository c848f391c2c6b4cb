package caddymodule

import (
	"bytes"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// maxWatched is the largest body that is searched for an actor's id, in bytes.
const maxWatched = 256 << 10

// What becomes of an answer that a recorder watches.
type course int

const (
	stream  course = iota // it is of no interest
	record                // its header tells everything
	search                // its body is needed
	discard               // another answer takes its place
)

// recorder holds a backend's answer back until what it says is recorded. It is
// not caddyhttp's ResponseRecorder because that buffers without limit or, given
// one, must know the length beforehand, which few chunked or compressed answers
// tell.
type recorder struct {
	caddyhttp.ResponseWriterWrapper
	// choose is asked once, before the header is written.
	choose func(status int, header http.Header) course
	// keep records what the answer says; body is empty unless it was searched.
	// On failure the answer is dropped.
	keep func(body []byte) error
	// tooLarge is called when the body was to be searched and is not.
	tooLarge func()

	course course
	chosen bool
	status int
	body   bytes.Buffer
	err    error // of keep
}

// WriteHeader implements http.ResponseWriter.
func (rec *recorder) WriteHeader(status int) {
	if rec.chosen {
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols { // the real answer follows
		rec.ResponseWriter.WriteHeader(status)
		return
	}
	rec.chosen, rec.status = true, status
	rec.course = rec.choose(status, rec.Header())
	if rec.course == record {
		rec.finish(nil)
	} else if rec.course == stream {
		rec.ResponseWriter.WriteHeader(status)
	}
}

// finish records and lets the answer go, or drops it.
func (rec *recorder) finish(body []byte) {
	if rec.err = rec.keep(body); rec.err != nil {
		rec.course = discard
		return
	}
	rec.release()
}

// release sends what was held back and lets the rest stream.
func (rec *recorder) release() {
	rec.course = stream
	rec.ResponseWriter.WriteHeader(rec.status)
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(data []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	switch rec.course {
	case discard:
		return len(data), nil
	case search:
		if rec.body.Len()+len(data) <= maxWatched {
			return rec.body.Write(data)
		}
		rec.tooLarge()
		rec.release()
		if _, err := rec.ResponseWriter.Write(rec.body.Bytes()); err != nil {
			return 0, err
		}
		rec.body = bytes.Buffer{}
	}
	return rec.ResponseWriter.Write(data)
}

// ReadFrom implements io.ReaderFrom.
func (rec *recorder) ReadFrom(r io.Reader) (int64, error) {
	rec.WriteHeader(http.StatusOK)
	if rec.course == stream {
		return rec.ResponseWriterWrapper.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{rec}, r)
}

// FlushError implements the flushing of http.ResponseController.
func (rec *recorder) FlushError() error {
	rec.WriteHeader(http.StatusOK)
	if rec.course != stream {
		return nil
	}
	return http.NewResponseController(rec.ResponseWriter).Flush()
}

// end must be called when the handler has written its answer. The error is that
// of keep: then nothing was written and another answer is due.
func (rec *recorder) end() error {
	rec.WriteHeader(http.StatusOK)
	if rec.course == search {
		rec.finish(rec.body.Bytes())
		if rec.course == stream {
			_, _ = rec.ResponseWriter.Write(rec.body.Bytes()) // the client has gone
		}
	}
	return rec.err
}
