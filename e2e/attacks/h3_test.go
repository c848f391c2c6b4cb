//go:build unix

package attacks

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// The frames of HTTP/3 (RFC 9114, section 7.2) and its control stream.
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameSettings = 0x4
	streamControl = 0x0
	closeNoError  = 0x100
)

var poolH3 pool[*quic.Conn]

// sendH3 sends the fields as they are, which no client library does.
func sendH3(addr string, r *request) (*answer, error) {
	conn, err := poolH3.take(addr, dialH3)
	if err != nil {
		return nil, err
	}
	a, err := exchangeH3(conn, r)
	if err != nil {
		hangUpH3(conn)
		return a, brokenH3(err)
	}
	poolH3.give(addr, conn)
	return a, nil
}

func hangUpH3(conn *quic.Conn) { _ = conn.CloseWithError(closeNoError, "") }

func dialH3(addr string) (*quic.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := quic.DialAddr(ctx, addr, clientTLS("h3"), &quic.Config{MaxIdleTimeout: patience})
	if err != nil {
		return nil, fmt.Errorf("dialing QUIC: %w", err)
	}
	control, err := conn.OpenUniStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	_, err = control.Write([]byte{streamControl, frameSettings, 0})
	return conn, err
}

func exchangeH3(conn *quic.Conn, r *request) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	text, err := fieldsH3(r.modern())
	if err != nil {
		return nil, err
	}
	if r.body != "" {
		text = appendFrame(text, frameData, []byte(r.body))
	}
	if len(r.Trailers) > 0 {
		trailers, err := fieldsH3(r.Trailers)
		if err != nil {
			return nil, err
		}
		text = append(text, trailers...)
	}
	if _, err := stream.Write(text); err != nil {
		return nil, err
	}
	_ = stream.Close() // fails when the server has answered and wants no more
	if err := stream.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return readH3(bufio.NewReader(stream))
}

func appendFrame(b []byte, kind uint64, payload []byte) []byte {
	b = quicvarint.Append(b, kind)
	b = quicvarint.Append(b, uint64(len(payload)))
	return append(b, payload...)
}

func fieldsH3(fields [][2]string) ([]byte, error) {
	var block bytes.Buffer
	encoder := qpack.NewEncoder(&block)
	for _, f := range fields {
		if err := encoder.WriteField(qpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return nil, err
		}
	}
	return appendFrame(nil, frameHeaders, block.Bytes()), nil
}

func readH3(in *bufio.Reader) (*answer, error) {
	a := &answer{header: make(http.Header)}
	decoder := qpack.NewDecoder()
	for {
		kind, err := quicvarint.Read(in)
		if errors.Is(err, io.EOF) {
			if a.status == 0 {
				err = errBroken
			} else {
				err = nil
			}
			return a, err
		}
		if err != nil {
			return nil, err
		}
		size, err := quicvarint.Read(in)
		if err != nil {
			return nil, err
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(in, payload); err != nil {
			return nil, err
		}
		switch kind {
		case frameData:
			a.body += string(payload)
		case frameHeaders:
			next := decoder.Decode(payload)
			for field, err := next(); !errors.Is(err, io.EOF); field, err = next() {
				if err != nil {
					return nil, err
				}
				a.add(field.Name, field.Value)
			}
		}
	}
}

// brokenH3 tells the server's refusal of a stream or connection from other errors.
func brokenH3(err error) error {
	var stream *quic.StreamError
	var conn *quic.ApplicationError
	if errors.As(err, &stream) && stream.Remote || errors.As(err, &conn) && conn.Remote {
		return errBroken
	}
	return err
}
