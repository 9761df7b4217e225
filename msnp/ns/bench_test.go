package ns_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// BenchmarkSignIn is a whole sign-in over TCP: VER to the answer of CHG, and OUT.
func BenchmarkSignIn(b *testing.B) {
	s, _ := world(b, server.Options{})
	answer := msnptest.MD5Answer(msnptest.Challenge, "hunter22")
	b.ReportAllocs()
	for b.Loop() {
		nc, err := net.Dial("tcp", s.Addr)
		if err != nil {
			b.Fatal(err)
		}
		r := bufio.NewReader(nc)
		fmt.Fprintf(nc, "VER 1 MSNP6\r\nINF 2\r\nUSR 3 MD5 I alice@example.net\r\n")
		until(b, r, "USR 3 MD5")
		fmt.Fprintf(nc, "USR 4 MD5 S %s\r\nSYN 5 0\r\nCHG 6 NLN\r\n", answer)
		until(b, r, "ILN 6")
		fmt.Fprintf(nc, "OUT\r\n")
		if _, err := r.ReadString('\n'); err == nil {
			b.Fatal("line after OUT")
		}
		nc.Close()
	}
}

func until(b testing.TB, r *bufio.Reader, prefix string) {
	b.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			b.Fatalf("waiting for %s: %v", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}

// BenchmarkPresence is one contact's change told to 100 signed-in clients.
func BenchmarkPresence(b *testing.B) {
	const watchers = 100
	s, _ := world(b, server.Options{})
	var notes []server.Notifier
	var readers []*bufio.Reader
	for i := range watchers {
		address := fmt.Sprintf("w%d@example.net", i)
		a := s.Backend.Add(address, "W", "secret7")
		nc, err := net.Dial("tcp", s.Addr)
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		r := bufio.NewReader(nc)
		fmt.Fprintf(nc, "VER 1 MSNP6\r\nUSR 3 MD5 I %s\r\nUSR 4 MD5 S %s\r\nCHG 6 NLN\r\n",
			address, msnptest.MD5Answer(msnptest.Challenge, "secret7"))
		until(b, r, "CHG 6")
		notes, readers = append(notes, a.Notifier()), append(readers, r)
	}
	p := server.Presence{Person: server.Person{Address: "bob@example.net", Name: "Bob Smith"}, Status: wire.Away}
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range notes {
			n.Presence(p)
		}
		for _, r := range readers {
			if _, err := r.ReadSlice('\n'); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(watchers), "clients/op")
}
