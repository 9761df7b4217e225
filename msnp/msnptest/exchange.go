package msnptest

import (
	"io"
	"net"
	"testing"
	"time"
)

// Say writes input to the server at addr in pieces of chunk bytes (0: at once),
// ends its side of the stream and gives all that the server said until it
// closed.
func Say(t testing.TB, addr string, input []byte, chunk int) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(stepTime))
	if chunk <= 0 {
		chunk = max(len(input), 1)
	}
	go func() {
		for len(input) > 0 {
			n := min(chunk, len(input))
			if _, err := nc.Write(input[:n]); err != nil {
				return // the server has closed; what it said is read below
			}
			input = input[n:]
		}
		nc.(*net.TCPConn).CloseWrite()
	}()
	out, err := io.ReadAll(nc)
	if err != nil {
		t.Fatalf("server did not end the stream well: %v after %q", err, out)
	}
	return string(out)
}
