package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
)

func TestFaults(t *testing.T) {
	d := Start(t, Options{Limits: Loose()})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	const route = "POST /channels/{channel}/messages"
	c := newClient(t, d, everything)
	send := func(text string) error { _, err := c.send(general.ID, text, ""); return err }

	a := d.Fail(route, Error(500, 0))
	if status, _ := code(t, send("a")); status != 500 {
		t.Errorf("status %d", status)
	}
	check(t, "hits", a.Hits(), 1)
	d.Fail(route, RateLimited(2700*time.Millisecond, "global"))
	var rl *discordgo.RateLimitError
	if err := send("b"); !errors.As(err, &rl) || rl.RetryAfter != 2700*time.Millisecond {
		t.Errorf("%v", err)
	}
	d.Fail(route, EdgeBan(time.Second))
	var se *json.SyntaxError
	if err := newClientOn(c, d).sendErr(general.ID); !errors.As(err, &se) {
		t.Errorf("HTML: %v", err)
	}
	check(t, "nothing was sent", len(d.Sent(general)), 0)
	c = newClientOn(c, d)
	d.Fail(route, Reset())
	if send("c") == nil {
		t.Error("no error")
	}
	check(t, "reset before", len(d.Sent(general)), 0)
	d.Fail(route, Lost())
	if send("d") == nil {
		t.Error("no error")
	}
	check(t, "lost after", len(d.Sent(general)), 1)
	d.Fail(route, Truncated())
	if send("e") == nil {
		t.Error("half a JSON was read")
	}
	d.Fail(route, Garbled(func(o map[string]any) { o["id"] = 5 }))
	b, err := c.send(general.ID, "f", "")
	if err != nil || b["id"] != 5.0 {
		t.Errorf("%v %v", b, err)
	}
	gate := make(chan struct{})
	d.Fail(route, Held(gate))
	done := make(chan error, 1)
	go func() { done <- send("g") }()
	until(t, d, "request", func() bool { return len(d.Requests(route)) == 8 })
	check(t, "held", len(d.Sent(general)), 3)
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
	skip := d.Fail(route, Fault{Skip: 1, Times: -1, Status: 502})
	if err := send("h"); err != nil {
		t.Error(err)
	}
	for range 2 {
		if send("i") == nil {
			t.Error("no error")
		}
	}
	skip.Disarm()
	if err := send("j"); err != nil {
		t.Error(err)
	}
	check(t, "sent", len(d.Sent(general)), 6)
	var statuses []int
	for _, r := range d.Requests(route) {
		statuses = append(statuses, r.Status)
	}
	check(t, "statuses", fmt.Sprint(statuses), "[500 429 429 -1 -1 200 200 200 200 502 502 200]")
}

// newClientOn is a client with fresh buckets: the faults before left waits in
// the old ones.
func newClientOn(c *client, d *Server) *client {
	n := &client{Session: &discordgo.Session{Client: c.Client, Token: "Bot " + d.Token(), UserAgent: c.UserAgent, Ratelimiter: discordgo.NewRatelimiter()}}
	n.LogLevel = discordgo.LogError - 1
	return n
}

func (c *client) sendErr(channel string) error { _, err := c.send(channel, "x", ""); return err }

func TestAttachments(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	d := Start(t, Options{Now: func() time.Time { return time.Unix(0, now.Load()) }})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	c := newClient(t, d, everything)
	m, err := c.ChannelMessageSendComplex(general.ID, &discordgo.MessageSend{Content: "look", Files: []*discordgo.File{{Name: "cat.png", ContentType: "image/png", Reader: bytes.NewReader([]byte("PNG"))}},
		AllowedMentions: &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(want int) string {
		r, err := c.Client.Get(m.Attachments[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		check(t, "status", r.StatusCode, want)
		b, _ := io.ReadAll(r.Body)
		return string(b)
	}
	check(t, "file", get(200), "PNG")
	now.Add(int64(25 * time.Hour))
	get(404)
	m, err = c.ChannelMessage(general.ID, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "a fresh link", get(200), "PNG")
}
