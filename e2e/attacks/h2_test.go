//go:build unix

package attacks

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// connH2 is a connection that is used by one request after the other.
type connH2 struct {
	net.Conn
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	stream  uint32 // of the request
}

var poolH2 pool[*connH2]

// sendH2 sends the fields as they are, which no client library does.
func sendH2(addr string, r *request) (*answer, error) {
	conn, err := poolH2.take(addr, dialH2)
	if err != nil {
		return nil, err
	}
	if err = conn.SetDeadline(time.Now().Add(patience)); err == nil {
		err = conn.write(r)
	}
	var a *answer
	if err == nil {
		a, err = conn.read()
	}
	if err != nil || a.status == http.StatusBadRequest { // it may be about to end
		_ = conn.Close()
		return a, err
	}
	conn.stream += 2
	poolH2.give(addr, conn)
	return a, nil
}

func dialH2(addr string) (*connH2, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, clientTLS("h2"))
	if err != nil {
		return nil, err
	}
	if protocol := conn.ConnectionState().NegotiatedProtocol; protocol != "h2" {
		return nil, fmt.Errorf("negotiated %q", protocol)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return nil, err
	}
	c := &connH2{Conn: conn, framer: http2.NewFramer(conn, conn), stream: 1}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.block)
	return c, c.framer.WriteSettings()
}

const maxFrameH2 = 16 << 10

func (c *connH2) write(r *request) error {
	hasBody, hasTrailers := r.body != "", len(r.Trailers) > 0
	if err := c.writeFields(r.modern(), !hasBody && !hasTrailers); err != nil {
		return err
	}
	if hasBody {
		if err := c.framer.WriteData(c.stream, !hasTrailers, []byte(r.body)); err != nil {
			return err
		}
	}
	if hasTrailers {
		return c.writeFields(r.Trailers, true)
	}
	return nil
}

func (c *connH2) writeFields(fields [][2]string, end bool) error {
	for _, f := range fields {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return err
		}
	}
	first := c.block.Next(maxFrameH2)
	err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: first, EndStream: end, EndHeaders: c.block.Len() == 0})
	for err == nil && c.block.Len() > 0 {
		part := c.block.Next(maxFrameH2)
		err = c.framer.WriteContinuation(c.stream, c.block.Len() == 0, part)
	}
	return err
}

func (c *connH2) read() (*answer, error) {
	a := &answer{header: make(http.Header)}
	for {
		frame, err := c.framer.ReadFrame()
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return nil, errBroken
		}
		if err != nil {
			return nil, err
		}
		ended := false
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = c.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			err = c.framer.WritePing(true, f.Data)
		case *http2.RSTStreamFrame:
			if f.StreamID != c.stream { // of the request before: it wants no more of the body
				continue
			}
			if a.status != 0 && f.ErrCode == http2.ErrCodeNo { // it has answered, and wants no more of the body
				return a, nil
			}
			return nil, errBroken
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				return nil, errBroken
			}
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				a.add(field.Name, field.Value)
			}
			ended = f.StreamEnded()
		case *http2.DataFrame:
			if n := len(f.Data()); n > 0 { // the connection must not run out of credit
				err = c.framer.WriteWindowUpdate(0, uint32(n))
			}
			a.body += string(f.Data())
			ended = f.StreamEnded()
		}
		if err != nil || ended {
			return a, err
		}
	}
}

// add takes a field of an answer of HTTP/2 or HTTP/3.
func (a *answer) add(name, value string) {
	if name == ":status" {
		a.status, _ = strconv.Atoi(value)
		return
	}
	a.header.Add(name, value)
}
