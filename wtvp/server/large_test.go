package server

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"wtvgate/wtvp/wire"
)

// Nine thousand connections that sent a large body each, and never its end, took
// 600 MB; heads as much. Now so many large ones are read at a time, and small ones
// as ever.
func TestLargeRequestsAreBounded(t *testing.T) {
	head := "GET wtv-echo:/x\r\n"
	for i := range 20 {
		head += fmt.Sprintf("x%d: %s\r\n", i, strings.Repeat("a", wire.Usual/20))
	}
	for name, large := range map[string]string{
		"body": fmt.Sprintf("POST wtv-echo:/x\r\nContent-length: %d\r\n\r\n", wire.Usual+1) + strings.Repeat("a", wire.Usual),
		"head": head,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{}, nil, func(t *testing.T, s *Server, l *pipeListener) {
				var one io.ReadWriter
				for range maxLarge {
					nc := l.connect("192.0.2.7:1")
					defer nc.Close()
					if _, err := io.WriteString(nc, large); err != nil {
						t.Fatal(err)
					}
					one = nc
				}
				synctest.Wait()
				ask := func(request string, status int) {
					t.Helper()
					nc := l.connect("192.0.2.8:1")
					defer nc.Close()
					go io.WriteString(nc, request) // the refusal may come before its end
					resp, err := wire.NewReader(bufio.NewReader(nc)).ReadResponse()
					if err != nil || resp.Status != status {
						t.Errorf("answered %+v, %v, want %d", resp, err, status)
					}
				}
				ask(large+"\r\n\r\n", 503)
				ask("GET wtv-echo:/x\r\n\r\n", 200)
				ask(fmt.Sprintf("POST wtv-echo:/x\r\nContent-length: %d\r\n\r\n", wire.Usual)+strings.Repeat("a", wire.Usual), 200)
				go io.WriteString(one, "\r\n\r\n") // one comes to its end, and its place is free
				go io.Copy(io.Discard, one)
				synctest.Wait()
				ask(large+"\r\n\r\n", 200)
			})
		})
	}
}
