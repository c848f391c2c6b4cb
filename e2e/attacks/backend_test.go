//go:build unix

package attacks

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// received is a request exactly as the backend got it: nothing is normalised,
// folded or sorted.
type received struct {
	Method, Target, Version string
	Fields, Trailers        [][2]string
	Body                    string
}

// all returns the values of the fields of that name, whatever its case.
func (r *received) all(name string) (values []string) {
	for _, f := range r.Fields {
		if strings.EqualFold(f[0], name) {
			values = append(values, f[1])
		}
	}
	return values
}

// backend reads requests by itself, for a library would tidy them up, and answers
// each with what it got.
type backend struct {
	listener net.Listener
	open     sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	got     map[string][]received // by the value of X-Case
	defects []string              // what was no request at all
}

// startBackend starts the backend; it ends with the test.
func startBackend(t testing.TB) *backend {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{listener: listener, got: make(map[string][]received), conns: make(map[net.Conn]bool)}
	b.open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns[conn] = true
			b.mu.Unlock()
			b.open.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		b.mu.Lock()
		for conn := range b.conns {
			_ = conn.Close()
		}
		b.mu.Unlock()
		b.open.Wait()
	})
	return b
}

func (b *backend) addr() string { return b.listener.Addr().String() }

func (b *backend) serve(conn net.Conn) {
	defer func() {
		b.mu.Lock()
		delete(b.conns, conn)
		b.mu.Unlock()
		_ = conn.Close()
	}()
	in := bufio.NewReader(conn)
	for {
		r, err := readRequest(in)
		if r == nil {
			return // between two requests
		}
		b.mu.Lock()
		brokenOff := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !brokenOff {
			b.defects = append(b.defects, fmt.Sprintf("%v in %+v", err, r))
			b.mu.Unlock()
			return
		}
		key := strings.Join(r.all("X-Case"), "+")
		b.got[key] = append(b.got[key], *r)
		b.mu.Unlock()
		if brokenOff { // the client went away
			return
		}
		if _, err := conn.Write(respond(r)); err != nil {
			return
		}
	}
}

// respond echoes the request. A customer is made for whoever names one.
func respond(r *received) []byte {
	var body []byte
	path, _, _ := strings.Cut(r.Target, "?")
	extra := ""
	switch actor := strings.Join(r.all("X-New-Actor"), ""); {
	case path == "/store/customers" && actor != "":
		body = fmt.Appendf(nil, `{"customer":{"id":%q}}`, actor)
	case path == "/admin/invites/accept" && actor != "":
		body = fmt.Appendf(nil, `{"user":{"id":%q}}`, actor)
	case path == "/store/own-session": // as a Medusa with sessions of its own
		extra = "Set-Cookie: connect.sid=s%3Aforeign.signature; Path=/\r\nSet-Cookie:  connect.sid =x\r\nX-Auth-Link: customer=cus_x\r\n"
		fallthrough
	default:
		var err error
		if body, err = json.Marshal(r); err != nil {
			body = []byte(err.Error())
		}
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nEcho: 1\r\n%sContent-Length: %d\r\n\r\n", extra, len(body))
	if r.Method == http.MethodHead {
		body = nil
	}
	return append([]byte(head), body...)
}

// readRequest reads one request. There is none when the connection ends.
func readRequest(in *bufio.Reader) (*received, error) {
	line, err := in.ReadString('\n')
	if err != nil && line == "" {
		return nil, err
	}
	r := new(received)
	parts := strings.Split(strings.TrimSuffix(line, "\r\n"), " ")
	if len(parts) != 3 || !strings.HasSuffix(line, "\r\n") {
		return r, fmt.Errorf("request line %q", line)
	}
	r.Method, r.Target, r.Version = parts[0], parts[1], parts[2]
	if r.Fields, err = readFields(in); err != nil {
		return r, err
	}
	lengths, codings := r.all("Content-Length"), r.all("Transfer-Encoding")
	switch {
	case len(lengths)+len(codings) == 0:
		return r, nil
	case len(lengths)+len(codings) > 1 || len(codings) == 1 && codings[0] != "chunked":
		return r, fmt.Errorf("lengths %q, codings %q: the end of the body can be read in two ways", lengths, codings)
	case len(lengths) == 1:
		n, err := strconv.Atoi(lengths[0])
		if err != nil {
			return r, err
		}
		body := make([]byte, n)
		_, err = io.ReadFull(in, body)
		r.Body = string(body)
		return r, err
	}
	return r, r.readChunks(in)
}

func (r *received) readChunks(in *bufio.Reader) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("chunk: %w", err)
		}
		size, err := strconv.ParseUint(strings.TrimSuffix(line, "\r\n"), 16, 31)
		if err != nil {
			return err
		}
		if size == 0 {
			r.Trailers, err = readFields(in)
			return err
		}
		data := make([]byte, size+2)
		if _, err := io.ReadFull(in, data); err != nil {
			return fmt.Errorf("chunk: %w", err)
		}
		r.Body += string(data[:size])
	}
}

func readFields(in *bufio.Reader) (fields [][2]string, err error) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return fields, fmt.Errorf("fields: %w", err)
		}
		text, ok := strings.CutSuffix(line, "\r\n")
		if text == "" && ok {
			return fields, nil
		}
		name, value, found := strings.Cut(text, ":")
		if !ok || !found {
			return fields, fmt.Errorf("field %q", line)
		}
		fields = append(fields, [2]string{name, strings.Trim(value, " \t")})
	}
}

// sawOf returns the requests of a case, once they are answered.
func (b *backend) sawOf(id string) []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[id]
}
