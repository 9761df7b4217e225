package discordtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// dial makes a bare connection.
func dial(t *testing.T, d *Server, query string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(d.GatewayURL()+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return ws
}

const goodQuery = "?v=9&encoding=json"

func identifyPacket(token string, intents int) string {
	return fmt.Sprintf(`{"op":2,"d":{"token":%q,"intents":%d,"properties":{"os":"linux"}}}`, token, intents)
}

// TestCloseCodes says something to the gateway and reads until it hangs up.
func TestCloseCodes(t *testing.T) {
	ok := identifyPacket("Bot T0", everything)
	for _, c := range []struct {
		name, query string
		say         []string
		want        int
		fault       bool // the client's own
	}{
		{"version", "?v=8&encoding=json", nil, 4012, true},
		{"encoding", "?v=9&encoding=etf", nil, 4002, true},
		{"no JSON", goodQuery, []string{"{"}, 4002, true},
		{"too long", goodQuery, []string{`{"op":1,"d":null,"x":"` + strings.Repeat("x", 4096) + `"}`}, 4002, true},
		{"unknown op", goodQuery, []string{`{"op":77}`}, 4001, true},
		{"op 3 first", goodQuery, []string{`{"op":3,"d":{"activities":[],"status":"online","since":null,"afk":false}}`}, 4003, true},
		{"token", goodQuery, []string{identifyPacket("Bot T1", 1)}, 4004, false},
		{"twice", goodQuery, []string{ok, ok}, 4005, true},
		{"unknown intent", goodQuery, []string{identifyPacket("T0", 1<<30)}, 4013, true},
		{"disabled intent", goodQuery, []string{identifyPacket("T0", GuildPresences)}, 4014, false},
		{"null activities", goodQuery, []string{ok, `{"op":3,"d":{"activities":null,"status":"online"}}`}, 4002, true},
		{"heartbeat", goodQuery, []string{`{"op":1,"d":"x"}`}, 4002, true},
		{"flood", goodQuery, []string{strings.Repeat(`{"op":1,"d":null}`+"\n", 121)}, 4008, true},
		{"resume with a wrong token", goodQuery, []string{`{"op":6,"d":{"token":"x","session_id":"1","seq":1}}`}, 4004, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Start(t, Options{Intents: GuildMembers | MessageContent})
			if c.name == "twice" || c.name == "null activities" {
				d.SetIntents(privileged)
			}
			ws := dial(t, d, c.query)
			for _, text := range c.say {
				for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
					if err := ws.WriteMessage(websocket.TextMessage, []byte(line)); err != nil {
						t.Fatal(err)
					}
				}
			}
			var err error
			for err == nil {
				_, _, err = ws.ReadMessage()
			}
			if !websocket.IsCloseError(err, c.want) {
				t.Errorf("%v, want %d", err, c.want)
			}
			check(t, "violations", len(d.TakeViolations()) > 0, c.fault)
		})
	}
}

// frame reads one frame.
func frame(t *testing.T, ws *websocket.Conn) obj {
	t.Helper()
	_, b, err := ws.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	var o obj
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func write(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func resumePacket(session any, seq int) string {
	return fmt.Sprintf(`{"op":6,"d":{"token":"Bot T0","session_id":%q,"seq":%d}}`, session, seq)
}

// start identifies and returns the session's id.
func start(t *testing.T, d *Server) (*websocket.Conn, any) {
	t.Helper()
	ws := dial(t, d, goodQuery)
	check(t, "HELLO", frame(t, ws)["op"], any(10.0))
	write(t, ws, identifyPacket("Bot T0", everything))
	ready := frame(t, ws)
	check(t, "READY", ready["t"], any("READY"))
	return ws, ready["d"].(obj)["session_id"]
}

// What a client wrote before it read that its session is worth nothing is not its
// fault.
func TestWrittenBeforeOp9WasRead(t *testing.T) {
	d := Start(t, Options{})
	ws, _ := start(t, d)
	d.InvalidSession(false)
	write(t, ws, `{"op":3,"d":{"activities":[],"status":"online","since":null,"afk":false}}`)
	check(t, "op", frame(t, ws)["op"], any(9.0))
	_, _, err := ws.ReadMessage()
	check(t, "closed", websocket.IsCloseError(err, closeNotIdentified), true)
	check(t, "violations", len(d.TakeViolations()), 0)
}

func TestResumeRaw(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixNano())
	d := Start(t, Options{Now: func() time.Time { return time.Unix(0, now.Load()) }, MaxSessionAge: time.Hour})
	_, id := start(t, d)
	d.Dispatch("A", obj{})
	d.Dispatch("B", obj{})
	d.Drop()
	ws := dial(t, d, goodQuery)
	frame(t, ws)
	write(t, ws, resumePacket(id, 2))
	for _, want := range []string{"B", "RESUMED"} {
		check(t, "replay", frame(t, ws)["t"], any(want))
	}
	// The newcomer takes the session over from one that is still there.
	other := dial(t, d, goodQuery)
	frame(t, other)
	write(t, other, resumePacket(id, 4))
	check(t, "taken over", frame(t, other)["t"], any("RESUMED"))
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, 4000) {
		t.Errorf("the old connection: %v", err)
	}
	// A client that says goodbye ends its session.
	if err := other.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	until(t, d, "goodbye", func() bool { return len(d.Closes()) > 0 && d.Open() == 0 })
	ws = dial(t, d, goodQuery)
	frame(t, ws)
	write(t, ws, resumePacket(id, 5))
	check(t, "unknown session", fmt.Sprint(frame(t, ws)), "map[d:false op:9 s:<nil> t:<nil>]")

	for _, c := range []struct {
		seq  int
		wait time.Duration
		want int
	}{{9, 0, 4007}, {1, 2 * time.Hour, 4009}} {
		ws, id := start(t, d)
		d.Drop()
		_ = ws.Close()
		now.Add(int64(c.wait))
		ws = dial(t, d, goodQuery)
		frame(t, ws)
		write(t, ws, resumePacket(id, c.seq))
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, c.want) {
			t.Errorf("%v, want %d", err, c.want)
		}
	}
	check(t, "violations", len(d.TakeViolations()), 1)
}

// A client that does not beat is closed; one that is not answered sees nothing.
func TestHeartbeatRaw(t *testing.T) {
	d := Start(t, Options{Heartbeat: time.Millisecond, Grace: time.Millisecond})
	ws := dial(t, d, goodQuery)
	var err error
	for err == nil {
		_, _, err = ws.ReadMessage()
	}
	if !websocket.IsCloseError(err, 4009) {
		t.Errorf("without heartbeats: %v", err)
	}
	d = Start(t, Options{})
	ws, _ = start(t, d)
	write(t, ws, `{"op":1,"d":1}`)
	check(t, "ACK", frame(t, ws)["op"], any(11.0))
	d.Heartbeat()
	check(t, "asked", frame(t, ws)["op"], any(1.0))
}

func TestIdentifyEvery(t *testing.T) {
	d := Start(t, Options{IdentifyEvery: time.Hour})
	start(t, d)
	ws := dial(t, d, goodQuery)
	frame(t, ws)
	write(t, ws, identifyPacket("Bot T0", 1))
	check(t, "too soon", frame(t, ws)["op"], any(9.0))
	check(t, "violations", len(d.TakeViolations()), 1)
}

func TestTricks(t *testing.T) {
	yes := true
	d := Start(t, Options{})
	read := func(ws *websocket.Conn) string {
		_, b, err := ws.ReadMessage()
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	for _, c := range []struct {
		at   Stage
		do   Trick
		want []string
	}{
		{AtHello, Trick{Op7: true}, []string{`{"d":null,"op":7,"s":null,"t":null}`}},
		{AtHello, Trick{Frame: []byte("{broken")}, []string{"{broken"}},
		{AtHello, Trick{Close: 4000}, []string{"websocket: close 4000"}},
		{AtIdentify, Trick{Op9: &yes}, []string{`{"d":true,"op":9,"s":null,"t":null}`}},
		{AtIdentify, Trick{Op11: true, Also: true}, []string{`"op":11`, `"t":"READY"`}},
		{AtResume, Trick{Op7: true}, []string{`"op":7`}},
		{AtIdentify, Trick{Drop: true}, []string{"EOF"}},
	} {
		d.Misbehave(c.at, c.do)
		ws := dial(t, d, goodQuery)
		if c.at != AtHello {
			check(t, "HELLO", frame(t, ws)["op"], any(10.0))
		}
		switch c.at {
		case AtIdentify:
			write(t, ws, identifyPacket("Bot T0", 1))
		case AtResume:
			write(t, ws, resumePacket("x", 1))
		}
		for _, want := range c.want {
			if got := read(ws); !strings.Contains(got, want) {
				t.Errorf("%+v: %s, want %s", c.do, got, want)
			}
		}
	}
	d.Misbehave(AtHello, Trick{Silence: true, Times: -1})
	made := d.Connections()
	ws := dial(t, d, goodQuery)
	until(t, d, "the connection", func() bool { return d.Connections() > made })
	write(t, ws, identifyPacket("Bot T0", 1))
	before := d.Identifies()
	d.Behave()
	start(t, d) // a round trip on another connection
	check(t, "identifies", d.Identifies(), before+1)
	if err := ws.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if got := read(ws); !strings.Contains(got, "timeout") {
		t.Errorf("a frozen connection said %s", got)
	}
}
