//go:build unix

package attacks

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// connH1 is a connection that is used by one request after the other.
type connH1 struct {
	net.Conn
	in *bufio.Reader
}

var poolH1 pool[*connH1]

// sendH1 sends bytes as they are and reads one answer.
func sendH1(addr string, r *request) (*answer, error) {
	conn, err := poolH1.take(addr, dialH1)
	if err != nil {
		return nil, err
	}
	var a *answer
	if err = conn.SetDeadline(time.Now().Add(patience)); err == nil {
		if _, err = io.WriteString(conn, r.textH1()); err == nil {
			a, err = readH1(conn.in, r.method)
		}
	}
	// Both sides must agree that it goes on, and nobody may have anything left to say.
	if err != nil || a.status == http.StatusBadRequest || a.status >= 500 || a.header.Get("Connection") != "" || conn.in.Buffered() > 0 || has(r.fields, "Connection") {
		_ = conn.Close()
		return a, err
	}
	poolH1.give(addr, conn)
	return a, nil
}

func dialH1(addr string) (*connH1, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, clientTLS("http/1.1"))
	if err != nil {
		return nil, err
	}
	return &connH1{conn, bufio.NewReader(conn)}, conn.SetDeadline(time.Now().Add(patience))
}

// textH1 is the request on the wire.
func (r *request) textH1() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.method, r.target)
	if !has(r.fields, "Host") {
		fmt.Fprintf(&b, "Host: %s\r\n", r.host)
	}
	fmt.Fprintf(&b, "X-Case: %s\r\n", r.id)
	for _, f := range r.fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
	}
	switch {
	case len(r.Trailers) > 0:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		if r.body != "" {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(r.body), r.body)
		}
		b.WriteString("0\r\n")
		for _, f := range r.Trailers {
			fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
		}
		b.WriteString("\r\n")
		return b.String()
	case r.body != "" || r.method != http.MethodGet && !has(r.fields, "Content-Length"):
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	return b.String() + "\r\n" + r.body
}

func readH1(in *bufio.Reader, method string) (*answer, error) {
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errBroken
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.Header, string(body)}, err
}

// sendWire sends the text of the request with a harmless request behind it, and
// returns every answer until the connection ends.
func sendWire(addr string, r *request) ([]*answer, error) {
	conn, err := dialH1(addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	text := strings.ReplaceAll(r.wire, "<<case>>", "X-Case: "+r.id)
	text += "GET /store/behind HTTP/1.1\r\nHost: shop.test\r\nX-Case: " + r.id + "-behind\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, err
	}
	var answers []*answer
	for {
		a, err := readH1(conn.in, r.method)
		switch {
		case errors.Is(err, errBroken) || len(answers) > 0 && err != nil: // the rest was thrown away
			return answers, nil
		case err != nil:
			return answers, err
		}
		answers = append(answers, a)
	}
}
