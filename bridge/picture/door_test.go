package picture

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// elsewhere is a listener whose connections come from the addresses it is told.
type elsewhere struct {
	net.Listener
	from chan string
}

func (l elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return claimed{c, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(<-l.from), 1024))}, nil
}

type claimed struct {
	net.Conn
	remote net.Addr
}

func (c claimed) RemoteAddr() net.Addr { return c.remote }

// One caller who says nothing took all places, and boxes waited for as long as the
// caller liked.
func TestOneCallerLeavesRoomForOthers(t *testing.T) {
	r := newRig(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	from := make(chan string)
	go r.g.srv.Serve(limited(elsewhere{ln, from})) // ends with the rig, without an error worth telling
	dial := func(a string) net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		select {
		case from <- a:
		case <-time.After(10 * time.Second):
			t.Fatalf("a connection from %s is not accepted", a)
		}
		return c
	}
	for i := range maxFromCaller {
		c := dial(fmt.Sprintf("2001:db8::%x", i))
		if _, err := io.WriteString(c, "GET /p/abc HTTP/1.1\r\nX:"); err != nil {
			t.Fatal(err)
		}
	}
	ended := func(c net.Conn) bool {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := c.Read(make([]byte, 1))
		return err == io.EOF
	}
	if !ended(dial("2001:db8::ffff")) {
		t.Error("one more of the same caller is let in")
	}
	asks := func(a string) {
		t.Helper()
		c := dial(a)
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, Dial: func(string, string) (net.Conn, error) { return c, nil }}}
		resp, err := client.Get("http://gateway/p/abc")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s is answered %s", a, resp.Status)
		}
	}
	asks("192.0.2.7")
	asks("2001:db8:0:1::1")
	for range maxFromCaller + 1 { // a proxy on this machine
		dial("127.0.0.1")
	}
	asks("127.0.0.1")
}

// A place is free again when its connection is closed, however often that is said.
func TestPlacesAreGivenBack(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	from := make(chan string, 1)
	d := limited(elsewhere{ln, from}).(*door)
	for range 2 * maxConnections {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		from <- "192.0.2.7"
		in, err := d.Accept()
		if err != nil || d.all != 1 || len(d.from) != 1 {
			t.Fatalf("%d let in of %v: %v", d.all, d.from, err)
		}
		in.Close()
		in.Close()
		c.Close()
	}
	if d.all != 0 || len(d.from) != 0 {
		t.Errorf("%d are let in of %v", d.all, d.from)
	}
}
