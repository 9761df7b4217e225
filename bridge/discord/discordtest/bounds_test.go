package discordtest

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"
)

// A session that falls too far behind is forgotten, a connection that does not
// read is dropped, old messages go.
func TestBounds(t *testing.T) {
	d := Start(t, Options{Limits: Loose()})
	ws, id := start(t, d)
	d.Drop()
	_ = ws.Close()
	for range maxReplay + 1 {
		d.Dispatch("X", nil)
	}
	ws = dial(t, d, goodQuery)
	frame(t, ws)
	write(t, ws, resumePacket(id, 1))
	check(t, "too far behind", frame(t, ws)["op"], any(9.0))

	start(t, d)
	until(t, d, "session", func() bool { return d.Connected() == 1 })
	release := d.Hold()
	for range maxQueue + 1 {
		d.Dispatch("X", nil)
	}
	check(t, "connected", d.Connected(), 0)
	release()

	for range maxSessions + 1 {
		d.mu.Lock()
		c := &conn{s: d, wake: make(chan struct{}, 1)}
		c.identify(json.RawMessage(`{"token":"T0","intents":0,"properties":{}}`))
		d.left = 10
		c.detach()
		d.mu.Unlock()
	}
	check(t, "sessions", len(d.gw.sessions), maxSessions)
	d.ForgetSessions()

	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	bob := d.AddUser("coolcat")
	bob.Join(g)
	first := bob.Say(general, "first")
	for range maxMessages {
		bob.Say(general, "x")
	}
	_, ok := d.Message(first.ID)
	check(t, "the oldest is there", ok, false)
	check(t, "messages", len(d.Messages(general)), maxMessages)
	for range maxViolations + 1 {
		d.mu.Lock()
		d.violation("x")
		d.mu.Unlock()
	}
	check(t, "violations", len(d.TakeViolations()), maxViolations)
}

func TestSharedLimits(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	d := Start(t, Options{Now: func() time.Time { return now }})
	g := d.AddGuild("WebTV Fans")
	general := g.AddChannel("general")
	hooks := []Webhook{general.AddWebhook("a"), general.AddWebhook("b")}
	ask := func(name string, h Webhook) *reply {
		d.mu.Lock()
		defer d.mu.Unlock()
		a := &reply{header: make(http.Header)}
		c := &call{Request: &Request{}, s: d, param: map[string]string{"webhook": h.ID, "token": h.Token}}
		d.limit(c, newRoute(name, nil), a)
		return a
	}
	const hook = "POST /webhooks/{webhook}/{token}"
	// 30 in a minute for the channel, by whatever webhook; 5 in 2 s for each.
	for i := range hookPerChannel {
		if i%10 == 0 {
			now = now.Add(2 * time.Second)
		}
		check(t, "status", ask(hook, hooks[i%2]).status, 0)
	}
	check(t, "one webhook", ask(hook, hooks[0]).header.Get("X-RateLimit-Scope"), "user")
	now = now.Add(2 * time.Second)
	a := ask(hook, hooks[0])
	check(t, "channel", a.header.Get("X-RateLimit-Scope"), "shared")
	check(t, "retry", a.header.Get("Retry-After"), "54")

	now = now.Add(time.Minute)
	names := []string{"GET /users/@me", "GET /gateway"}
	for i := range globalRequests {
		check(t, "status", ask(names[i%2], hooks[0]).status, 0)
	}
	a = ask(names[0], hooks[0])
	check(t, "global", a.header.Get("X-RateLimit-Global")+a.header.Get("X-RateLimit-Reset-After"), "true")
	check(t, "interactions are free", ask("POST /interactions/{interaction}/{token}/callback", hooks[0]).status, 0)

	for range maxInvalid + 1 {
		d.mu.Lock()
		d.invalidAnswer(403)
		d.mu.Unlock()
	}
	_, err := newClient(t, d, everything).User("@me")
	if _, ok := err.(*json.SyntaxError); !ok {
		t.Errorf("a ban must be HTML: %v", err)
	}
	check(t, "violations", len(d.TakeViolations()), 1)
}

// Whatever is posted: accepted means within the limits, and nothing panics.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{`{"content":"x","nonce":"n","allowed_mentions":{"parse":[]}}`, `{"embeds":[{"fields":[{"name":1}]}]}`, `{"components":[{"type":1,"components":[null]}]}`,
		`{"allowed_mentions":{"users":["1"],"parse":["roles"]},"message_reference":{}}`, `{"username":"clyde","avatar_url":"x:"}`, `null`, `{"flags":1.5,"poll":3}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var o obj
		if json.Unmarshal(b, &o) != nil {
			return
		}
		d, fail := (&call{}).message(o, nil)
		switch {
		case fail != nil && (fail.status != 400 || fail.code != 50035):
			t.Errorf("%d %d", fail.status, fail.code)
		case fail == nil && (utf8.RuneCountInString(d.content) > maxContent || len(d.embeds) > maxEmbeds || len(d.comps) > maxRows || utf8.RuneCountInString(d.username) > maxHookName):
			t.Errorf("accepted: %+v", d)
		}
	})
}

// Whatever a client sends: a session only by a good IDENTIFY, and no panic.
func FuzzPacket(f *testing.F) {
	f.Add([]byte(identifyPacket("T0", everything)))
	for _, s := range []string{`{"op":1,"d":5}`, `{"op":6,"d":{"token":"T0","session_id":"x","seq":-1}}`, `{"op":8,"d":{"guild_id":["1"],"query":""}}`, `{"op":3}`, `{"op":2,"d":null}`, `[]`} {
		f.Add([]byte(s))
	}
	d := New(Options{})
	f.Cleanup(d.Close)
	f.Fuzz(func(t *testing.T, b []byte) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.left, d.token, d.violations = 10, "T0", nil
		c := &conn{s: d, wake: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
		before := d.gw.identifies
		c.packet(b)
		if c.ss != nil && (d.gw.identifies != before+1 || c.closeCode != 0) {
			t.Errorf("a session by %s", b)
		}
		c.detach()
	})
}
