package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	msnp "wtvgate/msnp/client"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// TestStopsInTime: whatever the program waits for, it stops within stopTime without
// an error, and keeps what it has taken. runGateway's cleanup looks at the clock.
func TestStopsInTime(t *testing.T) {
	for name, c := range map[string]struct {
		stuck string // part of a path that the homeserver does not answer
		begin func(*testing.T, *gateway, *demoBox, string)
		after func(*testing.T, *store.Store)
	}{
		"half a request on every port": {begin: halfRequests},
		"a homeserver that does not answer a message": {"/send/", func(t *testing.T, _ *gateway, b *demoBox, _ string) {
			talk, err := b.open(t.Context(), "bob@hs.test")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { talk.Close() })
			if err := b.say(t.Context(), talk, "keep this"); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, s *store.Store) {
			o, err := s.NextOutgoing(context.Background(), id.Conversation{Account: demoAccount, Peer: "bob@hs.test"})
			if err != nil || !strings.Contains(string(o.Body), "keep this") || o.State != store.Pending {
				t.Errorf("after the stop there is %+v, %v", o, err)
			}
		}},
		"a homeserver that does not answer for a picture": {stuck: "/media/", begin: fetchPicture},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			asked := make(chan struct{}, 100)
			hs := &smallHomeserver{t: t, made: make(chan string, 10)}
			if c.stuck != "" {
				hs.stuck = func(path string) bool {
					if strings.Contains(path, c.stuck) {
						asked <- struct{}{}
						return true
					}
					return false
				}
			}
			t.Cleanup(func() { // when the gateway has stopped
				s, err := store.Open(context.Background(), "data", store.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if c.after != nil {
					c.after(t, s)
				}
			})
			g, b, token := pictureGateway(t, hs)
			c.begin(t, g, b, token)
			if c.stuck != "" {
				<-asked
			}
		})
	}
}

// halfRequests leaves the beginning of one on each port.
func halfRequests(t *testing.T, g *gateway, _ *demoBox, _ string) {
	for port, half := range map[net.Listener]string{
		g.messengerPort: "VER 1 MSNP8\r\nUSR 2 TW", g.nexusPort: "GET / HTTP/1.1\r\nHost:", g.adminPort: "POST /notice HTTP/1.1\r\nHo",
		g.wtvpPorts.passport: "GET wtv-passport:/mess", g.picturesPort: "GET /p/abc",
	} {
		c, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := fmt.Fprint(c, half); err != nil {
			t.Fatal(err)
		}
	}
}

// fetchPicture has the box ask for a friend's picture.
func fetchPicture(t *testing.T, g *gateway, b *demoBox, token string) {
	push(t, g, "2", token, event("$1", "m.room.message", map[string]any{"msgtype": "m.image", "body": "cat.jpg",
		"info": map[string]any{"mimetype": "image/png"}, "url": "mxc://hs.test/cat"}))
	ring, err := awaitNS[msnp.Ringing](t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	talk, err := b.ns.Answer(t.Context(), ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { talk.Close() })
	text, err := b.read(t.Context(), talk)
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`http://127\.0\.0\.1:\d+/p/[a-z0-9]{12}`).FindString(text)
	go func() { // until the gateway stops
		if resp, err := http.Get(link); err == nil {
			resp.Body.Close()
		}
	}()
}
