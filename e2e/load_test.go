//go:build unix

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// load sends requests as raw bytes over kept-open connections, so that the
// client costs little of the machine that it shares with what it measures.
type load struct {
	addr        string
	connections int
	// request returns the bytes of the n-th request.
	request func(n int) []byte
	status  int // what every answer must have
}

// send makes total requests and returns how long each took.
func (l load) send(tb testing.TB, total int) []time.Duration {
	tb.Helper()
	took := make([]time.Duration, total)
	errs := make(chan error, l.connections)
	var all sync.WaitGroup
	for c := range l.connections {
		all.Go(func() { errs <- l.connection(took, c) })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			tb.Fatal(err)
		}
	}
	return took
}

// connection sends every request whose number is c modulo the connections.
func (l load) connection(took []time.Duration, c int) error {
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for n := c; n < len(took); n += l.connections {
		start := time.Now()
		if _, err := conn.Write(l.request(n)); err != nil {
			return err
		}
		status, err := readAnswer(answers)
		if err != nil {
			return err
		}
		if status != l.status {
			return fmt.Errorf("request %d was answered %d, want %d", n, status, l.status)
		}
		took[n] = time.Since(start)
	}
	return nil
}

func readAnswer(r *bufio.Reader) (status int, err error) {
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// get is the text of a GET request with further header lines.
func get(path string, lines ...string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n" +
		strings.Join(append(lines, "", ""), "\r\n"))
}

// cpuTime returns the processor time, user and system, that the process has
// had so far (proc(5), stat, in ticks of 10 ms).
func cpuTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func median[T interface{ ~int64 | ~float64 }](values []T) T { return quantile(values, 0.5) }

func quantile[T interface{ ~int64 | ~float64 }](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
