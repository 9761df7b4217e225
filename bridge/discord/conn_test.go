package discord

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// frame is a server's frame.
func frame(opcode byte, fin bool, payload string) []byte {
	if fin {
		opcode |= 0x80
	}
	out := []byte{opcode}
	switch n := len(payload); {
	case n < 126:
		out = append(out, byte(n))
	case n < 1<<16:
		out = append(out, 126, byte(n>>8), byte(n))
	default:
		out = append(out, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, payload...)
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

// listened is what came of a server's bytes.
type listened struct {
	out    string // for the library, after the upgrade
	events string
	said   string // by us to the server
	goOn   bool
	end    ending
}

// sink takes what is written to a connection.
type sink struct {
	net.Conn
	b bytes.Buffer
}

func (s *sink) Write(b []byte) (int, error)      { return s.b.Write(b) }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

func listen(all []byte, size int) (l listened) {
	c := &sink{}
	var seq atomic.Int64
	w := newWire(c, 0, &seq, func(kind string, raw []byte) { l.events += kind + string(raw) + ";" })
	l.goOn = true
	for i := 0; i < len(all) && l.goOn; i += size {
		l.goOn = w.p.feed(all[i:min(i+size, len(all))])
	}
	l.out = strings.TrimPrefix(string(w.out), switching)
	l.said, l.end = c.b.String(), w.ended()
	return l
}

// TestFrames: whatever the pieces in which bytes come, the library gets packets of
// ours alone, a close code, op 7 and op 9 are seen, and op 11 is let through after
// the first event only.
func TestFrames(t *testing.T) {
	t.Parallel()
	ours := func(all ...string) (s string) {
		for _, x := range all {
			s += string(frame(1, true, x))
		}
		return s
	}
	const hello, helloOut = `{"op":10,"d":{"heartbeat_interval":41250,"_trace":[]}}`, `{"op":10,"d":{"heartbeat_interval":41250}}`
	big := `{"user":{"id":"1"},"session_id":"a-1_b","x":"` + strings.Repeat("y", 70000) + `"}`
	for _, c := range []struct {
		name   string
		frames [][]byte
		want   listened
	}{
		{"hello and ready", [][]byte{frame(1, true, hello), frame(1, true, `{"op":0,"s":1,"t":"READY","d":`+big+`}`), frame(1, true, `{"op":11}`)},
			listened{out: ours(helloOut, `{"op":0,"s":1,"t":"READY","d":{"session_id":"a-1_b"}}`, `{"op":11}`), events: "READY" + big + ";", goOn: true}},
		{"an event keeps the number and nothing else", [][]byte{frame(1, true, `{"d":{"a":1},"op":0,"s":7,"t":"GUILD_CREATE"}`), frame(1, true, `{"op":0,"t":"X","d":null}`)},
			listened{out: ours(`{"op":0,"s":7,"t":"-","d":null}`, `{"op":0,"s":7,"t":"-","d":null}`), events: `GUILD_CREATE{"a":1};Xnull;`, goOn: true}},
		{"resumed", [][]byte{frame(1, true, `{"op":0,"s":9,"t":"RESUMED","d":{}}`)}, listened{out: ours(`{"op":0,"s":9,"t":"RESUMED","d":null}`), events: "RESUMED{};", goOn: true}},
		{"ready of guilds that are none", [][]byte{frame(1, true, `{"op":0,"s":1,"t":"READY","d":{"session_id":"a","guilds":[null,{"channels":[null]}],"user":5}}`)},
			listened{out: ours(`{"op":0,"s":1,"t":"READY","d":{"session_id":"a"}}`), events: `READY{"session_id":"a","guilds":[null,{"channels":[null]}],"user":5};`, goOn: true}},
		{"names in disguise", [][]byte{frame(1, true, `{"OP":0,"S":2,"\u0074":"\u0052EADY","d":{"session_id":"a\"b","guilds":[null]}}`)},
			listened{out: ours(`{"op":0,"s":2,"t":"-","d":null}`), events: `READY{"session_id":"a\"b","guilds":[null]};`, goOn: true}},
		{"a heartbeat that is asked for", [][]byte{frame(1, true, `{"op":1,"d":null}`), frame(1, true, `{"op":0,"s":3,"t":"X"}`), frame(1, true, `{"op":1}`)},
			listened{out: ours(`{"op":0,"s":3,"t":"-","d":null}`), events: "Xnull;",
				said: "\x81\x91\x00\x00\x00\x00{\"op\":1,\"d\":null}\x81\x8e\x00\x00\x00\x00{\"op\":1,\"d\":3}", goOn: true}},
		{"op 7 first", [][]byte{frame(1, true, `{"op":7,"d":null}`)}, listened{end: ending{reconnect: true}}},
		{"op 9 true", [][]byte{frame(1, true, `{"op":9,"d":true}`)}, listened{end: ending{invalid: true, resumable: true}}},
		{"op 9 false", [][]byte{frame(1, true, `{"d":false,"op":9}`)}, listened{end: ending{invalid: true}}},
		{"op 11 before any event", [][]byte{frame(1, true, `{"op":11}`)}, listened{}},
		{"no interval", [][]byte{frame(1, true, `{"op":10,"d":{"heartbeat_interval":0}}`)}, listened{}},
		{"a wrong interval", [][]byte{frame(1, true, `{"op":10,"d":{"heartbeat_interval":"x"}}`)}, listened{}},
		{"an endless interval", [][]byte{frame(1, true, `{"op":10,"d":{"heartbeat_interval":9000000000000000000}}`)}, listened{}},
		{"close code", [][]byte{frame(8, true, "\x0f\xa4no")}, listened{out: string(frame(8, true, "\x0f\xa4no")), goOn: true, end: ending{code: 4004}}},
		{"close without code", [][]byte{frame(8, true, "")}, listened{out: string(frame(8, true, "")), goOn: true}},
		{"words like it in an event", [][]byte{frame(1, true, `{"op":0,"d":{"op":7}}`)}, listened{out: ours(`{"op":0,"s":0,"t":"-","d":null}`), events: `{"op":7};`, goOn: true}},
		{"parts, and a ping between them", [][]byte{frame(1, false, `{"op":`), frame(9, true, "p"), frame(0, true, `11,"s":1}`)}, listened{out: string(frame(9, true, "p"))}},
		{"masked", [][]byte{{0x81, 0x81, 1, 2, 3, 4, 5}}, listened{}},
		{"compressed", [][]byte{frame(2, true, "x")}, listened{}},
		{"too large", [][]byte{{0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0}}, listened{}},
		{"a rest of nothing", [][]byte{frame(0, true, "x")}, listened{}},
		{"what is no packet", [][]byte{frame(1, true, "hello"), frame(1, true, "null"), frame(1, true, "[]"), frame(1, true, `{"op":"0"}`), frame(1, true, "")}, listened{goOn: true}},
	} {
		all := []byte(switching)
		for _, f := range c.frames {
			all = append(all, f...)
		}
		for _, size := range []int{1, 7, len(all)} {
			if got := listen(all, size); got != c.want {
				t.Errorf("%s in pieces of %d:\n got %+v\nwant %+v", c.name, size, got, c.want)
			}
		}
	}
}

// FuzzFrames: the pieces do not matter, and what the library gets are frames that
// its own reading cannot fail on.
func FuzzFrames(f *testing.F) {
	for _, s := range []string{`{"op":7}`, `{"op":0,"t":"READY","s":1,"d":{"session_id":"x","guilds":[null]}}`, `null`, `{"op":10,"d":{"heartbeat_interval":100}}`} {
		f.Add([]byte(switching + string(frame(1, true, s))))
	}
	f.Add([]byte(switching + "\x81\x7e\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, bytewise := listen(b, max(len(b), 1)), listen(b, 1)
		if whole != bytewise {
			t.Fatalf("whole %+v, by bytes %+v", whole, bytewise)
		}
		_, rest, upgraded := strings.Cut(string(b), "\r\n\r\n")
		if !upgraded || rest == "" {
			return
		}
		out := whole.out[min(len(b)-len(rest), len(whole.out)):]
		if strings.HasPrefix(string(b), switching) {
			out = whole.out
		}
		for out != "" { // frames, one after another
			n := int(out[1])
			if n > maxControl || len(out) < 2+n {
				t.Fatalf("a frame of %d bytes in %q", n, out)
			}
			var e struct {
				Op int `json:"op"`
				D  struct {
					Interval int64 `json:"heartbeat_interval"`
				} `json:"d"`
			}
			if out[0] == 0x81 && (json.Unmarshal([]byte(out[2:2+n]), &e) != nil || e.Op == opHello && e.D.Interval <= 0) {
				t.Fatalf("the library gets %q", out[2:2+n])
			}
			out = out[2+n:]
		}
	})
}
