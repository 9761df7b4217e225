package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/config"
	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	wtvpserver "wtvgate/wtvp/server"
	wtvpwire "wtvgate/wtvp/wire"
)

// dialFrom connects from one of this machine's own addresses.
func dialFrom(t *testing.T, from string, to net.Listener) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: demoPatience}
	c, err := d.DialContext(t.Context(), "tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// statusLine sends bytes, perhaps without end, and reads the first line of the
// answer.
func statusLine(t *testing.T, c net.Conn, send io.Reader) string {
	t.Helper()
	go func() { _, _ = io.Copy(c, send) }() // ends with the connection
	if err := c.SetReadDeadline(time.Now().Add(2 * demoPatience)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// repeated is a text again and again.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

// TestHostileClients: whatever comes to any port of the boxes is answered, costs
// bounded memory, and leaves a box that signs on and talks undisturbed.
func TestHostileClients(t *testing.T) {
	t.Chdir(t.TempDir())
	g, log := startWith(t, standalone)
	play(t, []step{{"account add alice@webtv.local", "", 0, "added"}, {"account link-box alice@webtv.local --ssid " + demoSSID, "", 0, "signs in"}})

	before := heap()
	held := halfOpen(t, g)
	if grown := int64(heap()) - int64(before); grown > int64(held)*perHalfOpen {
		t.Errorf("%d half-open connections hold %d KiB", held, grown>>10)
	} else {
		t.Logf("%d half-open connections hold %d KiB, both ends", held, grown>>10)
	}
	b := powerOn(t, g, demoSSID, wtvp.Options{})
	chat(t, b, "alice@webtv.local", "Nobody disturbs me.")

	foreign, err := wtvp.NewIdentity(sec.PublicMinisrvKey, demoSSID, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := b.Value("wtv-ticket")
	const trouble = "400 " + wtvpserver.TextTrouble
	secure := func(ticket string) io.Reader {
		return strings.NewReader("SECURE ON\r\nwtv-ticket: " + ticket + "\r\nwtv-client-serial-number: " + demoSSID + "\r\nwtv-incarnation:4\r\n\r\n")
	}
	for _, l := range g.wtvpPorts.all() {
		for name, tt := range map[string]struct {
			send io.Reader
			want string
		}{
			"endless line":    {io.MultiReader(strings.NewReader("GET wtv-1800:/preregister?"), &repeated{text: "x"}), trouble},
			"endless headers": {io.MultiReader(strings.NewReader("GET wtv-1800:/preregister\r\n"), &repeated{text: "a: b\r\n"}), trouble},
			"endless nothing": {&repeated{text: "\r\n"}, trouble},
			"garbage":         {&repeated{text: "\x93\x00\xff\n\r\x01abc"}, trouble},
			"TLS":             {strings.NewReader("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"), trouble},
			"browser":         {strings.NewReader("GET / HTTP/1.1\r\nHost: 192.0.2.7\r\n\r\n"), trouble},
			"large POST":      {strings.NewReader("POST wtv-home:/choose-name\r\nContent-length: 99999999\r\n\r\n"), trouble},
			"service":         {strings.NewReader("GET wtv-mail:/listmail\r\n\r\n"), "500 " + wtvpserver.TextElsewhere},
			"path":            {strings.NewReader("GET wtv-1800:/x\r\n\r\n"), "404 " + wtvpserver.TextNotFound},
			"no ticket":       {strings.NewReader("SECURE ON\r\nwtv-incarnation:4\r\n\r\n"), "500 " + wtvpserver.TextSignOn},
			"foreign ticket":  {secure(foreign.Ticket), "500 " + wtvpserver.TextSignOn},
			"damaged ticket":  {secure(own[:60] + "AAAA" + own[64:]), "500 " + wtvpserver.TextSignOn},
			"cut ticket":      {secure(own[:64]), "500 " + wtvpserver.TextSignOn},
			"incarnation":     {io.MultiReader(strings.NewReader("SECURE ON\r\nwtv-ticket: "+own+"\r\nwtv-incarnation:-1\r\n"), strings.NewReader("\r\n")), trouble},
		} {
			if got := statusLine(t, dialFrom(t, "127.0.0.3", l), tt.send); got != tt.want {
				t.Errorf("%s on %s: answered %q, want %q", name, l.Addr(), got, tt.want)
			}
		}
	}
	if strings.Contains(log.String(), own) || strings.Contains(log.String(), foreign.Ticket) || strings.Contains(log.String(), "panic") {
		t.Error("the log holds a ticket, or a panic")
	}
	chat(t, b, "alice@webtv.local", "Nobody disturbed me.")
}

// perHalfOpen is what a connection that never says a word may cost, with the
// test's own end of it, in bytes.
const perHalfOpen = 40 << 10

// halfOpen opens as many connections as one address may have, and more, that say
// nothing or half a word.
func halfOpen(t *testing.T, g *gateway) int {
	t.Helper()
	var last net.Conn
	for i := range wtvpserver.DefaultMaxPerAddress + 50 {
		c := dialFrom(t, "127.0.0.2", g.wtvpPorts.preregister)
		if i%2 == 1 {
			fmt.Fprint(c, "GET wtv-1800:/prereg") // it may be closed already
		}
		last = c
	}
	// A listener admits in order, so when the last one is turned away all before it
	// have been looked at.
	if err := last.SetReadDeadline(time.Now().Add(demoPatience)); err != nil {
		t.Fatal(err)
	}
	if n, err := last.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one connection too many was not turned away: %d, %v", n, err)
	}
	return wtvpserver.DefaultMaxPerAddress
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// TestDamagedForeignTickets: what the public server's own decoder stumbles over is
// refused in one plain line.
func TestDamagedForeignTickets(t *testing.T) {
	text, err := os.ReadFile("testdata/ticket.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Negative []struct {
			Name       string
			InitialKey string `json:"initial_shared_key"`
			Ticket     string
		}
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Negative) != 4 {
		t.Fatalf("%d damaged tickets, %v", len(file.Negative), err)
	}
	for _, n := range file.Negative {
		t.Run(n.Name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			key, err := sec.ParseKey(n.InitialKey)
			if err != nil {
				t.Fatal(err)
			}
			g, log := startWith(t, func(cfg *config.Config) { cfg.WTVP.InitialSharedKey = key[:] })
			got := statusLine(t, dialFrom(t, "127.0.0.1", g.wtvpPorts.passport), strings.NewReader("SECURE ON\r\nwtv-ticket: "+n.Ticket+"\r\nwtv-incarnation:4\r\n\r\n"))
			if got != "500 "+wtvpserver.TextSignOn || n.Ticket != "" && strings.Contains(log.String(), n.Ticket) {
				t.Errorf("answered %q", got)
			}
		})
	}
}

// TestRecordedSignIn: what the simulator of minisrv sent at the beginning of a
// recorded sign-in is understood here: it gets a key, a list and a challenge that
// opens.
func TestRecordedSignIn(t *testing.T) {
	text, err := os.ReadFile("../../wtvp/service/testdata/transcript.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Sessions []struct {
			Name        string
			Connections []struct {
				Port   int
				Events []struct {
					From string
					Data []byte
				}
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	g, _ := startWith(t, standalone)
	asked := 0
	for _, s := range file.Sessions {
		var key sec.Key
		for _, c := range s.Connections {
			for _, e := range c.Events {
				first, _, _ := bytes.Cut(e.Data, []byte("\r\n"))
				pre, login := bytes.HasPrefix(first, []byte("GET wtv-1800:/preregister")), bytes.HasPrefix(first, []byte("GET wtv-head-waiter:/login?"))
				if e.From != "client" || !pre && !login {
					continue
				}
				nc := dialFrom(t, "127.0.0.1", g.wtvpPorts.preregister)
				if _, err := nc.Write(e.Data); err != nil {
					t.Fatal(err)
				}
				resp, err := wtvpwire.NewReader(bufio.NewReader(nc)).ReadResponse()
				if err != nil || resp.Status != 200 || resp.Header.Value("wtv-visit") == "" {
					t.Fatalf("%s: %s answered %+v, %v", s.Name, first, resp, err)
				}
				if pre {
					if key, err = sec.ParseKey(resp.Header.Value("wtv-initial-key")); err != nil {
						t.Errorf("%s: %v", s.Name, err)
					}
				} else if _, err := sec.OpenChallenge(resp.Header.Value("wtv-challenge"), key); err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
				asked++
			}
		}
	}
	if asked != 2*len(file.Sessions) {
		t.Errorf("%d requests of %d sessions", asked, len(file.Sessions))
	}
}

// TestAllowedNetworks: who comes from elsewhere is turned away at every port of
// the boxes, before a byte is read.
func TestAllowedNetworks(t *testing.T) {
	t.Chdir(t.TempDir())
	g, log := startWith(t, func(cfg *config.Config) {
		standalone(cfg)
		cfg.WTVP.AllowedNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	for _, l := range g.wtvpPorts.all() {
		c := dialFrom(t, "127.0.0.4", l)
		if err := c.SetReadDeadline(time.Now().Add(demoPatience)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d, %v", l.Addr(), n, err)
		}
	}
	powerOn(t, g, demoSSID, wtvp.Options{})
	if !strings.Contains(log.String(), "address is in none of the allowed networks") {
		t.Error("the log does not say why")
	}
}
