package discordtest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
)

// patience is how long a test waits for what comes within milliseconds.
const patience = 20 * time.Second

// everything is every intent of reference 2.1 together.
const everything = 65315

func wait(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func until(t *testing.T, d *Server, what string, cond func() bool) {
	t.Helper()
	if err := d.Until(wait(t), cond); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// client is a real discordgo session, set as reference 6.1 says.
type client struct {
	*discordgo.Session
	events chan *discordgo.Event
}

func newClient(t *testing.T, d *Server, intents int) *client {
	t.Helper()
	s, err := discordgo.New("Bot " + d.Token())
	if err != nil {
		t.Fatal(err)
	}
	s.SyncEvents, s.ShouldReconnectOnError, s.ShouldRetryOnRateLimit, s.MaxRestRetries, s.StateEnabled = true, false, false, 0, false
	s.UserAgent = "DiscordBot (https://example.com/wtvgate, 1)"
	s.LogLevel = discordgo.LogError - 1
	s.Identify.Intents = discordgo.Intent(intents)
	rt := d.RoundTripper()
	s.Client = &http.Client{Transport: rt, Timeout: patience}
	c := &client{Session: s, events: make(chan *discordgo.Event, 10_000)}
	s.AddHandler(func(_ *discordgo.Session, e *discordgo.Event) { c.events <- e })
	t.Cleanup(func() { s.Client.CloseIdleConnections() })
	return c
}

// connect opens the session and takes READY and n guilds.
func (c *client) connect(t *testing.T, n int) {
	t.Helper()
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	c.next(t, "READY")
	for range n {
		c.next(t, "GUILD_CREATE")
	}
}

// next is the next event, which must be of type want.
func (c *client) next(t *testing.T, want string) obj {
	t.Helper()
	select {
	case e := <-c.events:
		if e.Type != want {
			t.Fatalf("got %s %s, want %s", e.Type, e.RawData, want)
		}
		var o obj
		if err := json.Unmarshal(e.RawData, &o); err != nil {
			t.Fatal(err)
		}
		return o
	case <-time.After(patience):
		t.Fatalf("no %s came", want)
	}
	return nil
}

// quiet says that nothing came before a mark that was sent just now.
func (c *client) quiet(t *testing.T, d *Server) {
	t.Helper()
	d.Dispatch("TEST_MARK", obj{})
	c.next(t, "TEST_MARK")
}

// send posts a message with a nonce, as the bridge does.
func (c *client) send(channel, text, nonce string) (obj, error) {
	b, err := c.RequestWithBucketID("POST", discordgo.EndpointChannelMessages(channel), obj{"content": text, "nonce": nonce, "enforce_nonce": true,
		"allowed_mentions": obj{"parse": []any{}}}, discordgo.EndpointChannelMessages(channel))
	if err != nil {
		return nil, err
	}
	var o obj
	return o, json.Unmarshal(b, &o)
}

// code is Discord's code in an error of discordgo.
func code(t *testing.T, err error) (status, code int) {
	t.Helper()
	var re *discordgo.RESTError
	if !errors.As(err, &re) {
		t.Fatalf("%v is no answer of Discord", err)
	}
	if re.Message == nil {
		return re.Response.StatusCode, 0
	}
	return re.Response.StatusCode, re.Message.Code
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}
