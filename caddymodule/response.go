package caddymodule

import (
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// responseFilter keeps a backend's own cookie of the session's name from the
// client, where it would replace ours, and adds a prolonged session's cookie.
// It touches the header alone; bodies, upgrades and events stream through, for as
// long as their caller is proven.
type responseFilter struct {
	caddyhttp.ResponseWriterWrapper
	cookie      string // the name of the session's cookie
	foreign     string // that of another session cookie of the backend's, or ""
	prolong     string // our own Set-Cookie, or ""
	wroteHeader bool
	followed
}

// WriteHeader implements http.ResponseWriter.
func (w *responseFilter) WriteHeader(status int) {
	// 101 is final; the other 1xx answers precede the real one.
	if !w.wroteHeader && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.wroteHeader = true
		w.filter()
		w.begun(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *responseFilter) Write(data []byte) (int, error) {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	if w.isCut.Load() {
		return 0, errCut
	}
	return w.ResponseWriter.Write(data)
}

// ReadFrom implements io.ReaderFrom.
func (w *responseFilter) ReadFrom(r io.Reader) (int64, error) {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	if w.isCut.Load() {
		return 0, errCut
	}
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError implements the flushing of http.ResponseController.
func (w *responseFilter) FlushError() error {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	w.lasts() // what is sent in pieces may go on for long
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *responseFilter) filter() {
	h := w.Header()
	if cookies, ok := h["Set-Cookie"]; ok {
		kept := cookies[:0]
		for _, cookie := range cookies {
			name, _, named := strings.Cut(cookie, "=")
			name = strings.Trim(name, " \t") // as browsers read it: RFC 6265, section 5.2
			if !named || name == "" || name != w.cookie && name != w.foreign {
				kept = append(kept, cookie)
			}
		}
		h["Set-Cookie"] = kept
		if len(kept) == 0 {
			delete(h, "Set-Cookie")
		}
	}
	if w.prolong != "" {
		h.Add("Set-Cookie", w.prolong)
	}
	delete(h, linkHeader)
}

// Interface guard: http.ResponseController reaches the real writer.
var _ interface{ Unwrap() http.ResponseWriter } = (*responseFilter)(nil)
