package caddymodule

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ways are those in which a handler may write a body.
var ways = map[string]func(w http.ResponseWriter, body string){
	"Write": func(w http.ResponseWriter, body string) {
		for part := range strings.SplitAfterSeq(body, ",") {
			_, _ = io.WriteString(w, part)
		}
	},
	"ReadFrom": func(w http.ResponseWriter, body string) { _, _ = io.Copy(w, bytes.NewBufferString(body)) },
	"both": func(w http.ResponseWriter, body string) {
		_, _ = io.WriteString(w, body[:1])
		_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader(body[1:]))
	},
	"flushed": func(w http.ResponseWriter, body string) {
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
	},
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	const body = "one,two,three"
	long := strings.Repeat("x,", maxWatched)
	for name, c := range map[string]struct {
		course course
		fails  bool
		body   string
		kept   string // what keep got, "none" if it was not called
		sent   string
		large  int
	}{
		"streams":            {stream, false, body, "none", body, 0},
		"records":            {record, false, body, "", body, 0},
		"records in vain":    {record, true, body, "", "", 0},
		"searches":           {search, false, body, body, body, 0},
		"searches in vain":   {search, true, body, body, "", 0},
		"is too large":       {search, false, long, "none", long, 1},
		"is exactly as long": {search, false, long[:maxWatched], long[:maxWatched], long[:maxWatched], 0},
	} {
		for way, write := range ways {
			t.Run(name+" by "+way, func(t *testing.T) {
				t.Parallel()
				kept, large := "none", 0
				w := httptest.NewRecorder()
				rec := &recorder{
					choose:   func(int, http.Header) course { return c.course },
					tooLarge: func() { large++ },
					keep: func(body []byte) error {
						if w.Code != http.StatusOK || w.Body.Len() > 0 || w.Flushed {
							t.Error("the client has got something before it was recorded")
						}
						kept = string(body)
						if c.fails {
							return errors.New("the store is down")
						}
						return nil
					},
				}
				rec.ResponseWriter = w
				rec.WriteHeader(http.StatusAccepted)
				rec.WriteHeader(http.StatusTeapot) // a second one does not count
				write(rec, c.body)
				if err := rec.end(); (err != nil) != c.fails {
					t.Errorf("it ended with %v", err)
				}
				status := http.StatusAccepted
				if c.fails {
					status = http.StatusOK // the zero value of the test's writer: nothing was written
				}
				if kept != c.kept || large != c.large || w.Body.String() != c.sent || w.Code != status {
					t.Errorf("kept %.20q, too large %d times, sent %d %.20q", kept, large, w.Code, w.Body)
				}
			})
		}
	}
}

// A handler that writes nothing answers 200, as everywhere.
func TestRecorderOfNothing(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	asked := 0
	rec := &recorder{choose: func(status int, _ http.Header) course { asked = status; return stream }}
	rec.ResponseWriter = w
	if err := rec.end(); err != nil || asked != http.StatusOK || w.Code != http.StatusOK {
		t.Errorf("got %v, asked about %d", err, asked)
	}
}

func TestResponseFilter(t *testing.T) {
	t.Parallel()
	for way, write := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			filter := &responseFilter{cookie: "sid", prolong: "sid=ours"}
			filter.ResponseWriter = w
			filter.Header()["Set-Cookie"] = []string{"a=1", "sid=theirs"}
			filter.Header().Set("X-Auth-Link", "customer=cus_1")
			write(filter, "hello,world")
			r := w.Result()
			if w.Body.String() != "hello,world" || strings.Join(r.Header["Set-Cookie"], ";") != "a=1;sid=ours" || r.Header["X-Auth-Link"] != nil {
				t.Errorf("sent %q %v", w.Body, r.Header)
			}
		})
	}
}
