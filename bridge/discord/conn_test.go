package discord

import (
	"testing"
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

// TestFrames: whatever the pieces in which bytes come, a close code, op 7 and op 9
// are seen, and op 11 is let through after the first event only.
func TestFrames(t *testing.T) {
	big := `{"op":0,"s":1,"t":"READY","d":"` + string(make([]byte, 70000)) + `"}`
	for _, c := range []struct {
		name   string
		frames [][]byte
		goOn   bool
		want   ending
	}{
		{"hello and ready", [][]byte{frame(1, true, `{"op":10,"d":{}}`), frame(1, true, big), frame(1, true, `{"op":11}`)}, true, ending{}},
		{"op 7 first", [][]byte{frame(1, true, `{"op":7,"d":null}`)}, false, ending{reconnect: true}},
		{"op 9 true", [][]byte{frame(1, true, `{"op":9,"d":true}`)}, false, ending{invalid: true, resumable: true}},
		{"op 9 false", [][]byte{frame(1, true, `{"d":false,"op":9}`)}, false, ending{invalid: true}},
		{"op 11 before any event", [][]byte{frame(1, true, `{"op":11}`)}, false, ending{}},
		{"close code", [][]byte{frame(8, true, "\x0f\xa4no")}, true, ending{code: 4004}},
		{"close without code", [][]byte{frame(8, true, "")}, true, ending{}},
		{"words like it in an event", [][]byte{frame(1, true, `{"op":0,"d":{"op":7}}`), frame(1, true, `{"op":11}`)}, true, ending{}},
		{"parts", [][]byte{frame(1, false, `{"op":`), frame(0, true, `7}`)}, true, ending{}},
		{"masked", [][]byte{{0x81, 0x81, 1, 2, 3, 4, 5}}, false, ending{}},
		{"too large", [][]byte{{0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0}}, false, ending{}},
		{"no JSON", [][]byte{frame(1, true, "hello")}, true, ending{}},
	} {
		all := []byte(switching)
		for _, f := range c.frames {
			all = append(all, f...)
		}
		for _, size := range []int{1, 7, len(all)} {
			w := newWire(nil, 0)
			goOn := true
			for i := 0; i < len(all) && goOn; i += size {
				goOn = w.inspect(all[i:min(i+size, len(all))])
			}
			if goOn != c.goOn || w.ended() != c.want {
				t.Errorf("%s in pieces of %d: %v %+v", c.name, size, goOn, w.ended())
			}
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(switching + string(frame(1, true, `{"op":7}`))))
	f.Add([]byte(switching + "\x81\x7e\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, bytewise := newWire(nil, 0), newWire(nil, 0)
		a := whole.inspect(b)
		c := true
		for i := 0; i < len(b) && c; i++ {
			c = bytewise.inspect(b[i : i+1])
		}
		if a != c || whole.ended() != bytewise.ended() {
			t.Fatalf("whole %v %+v, by bytes %v %+v", a, whole.ended(), c, bytewise.ended())
		}
		if cap(whole.p.small) > 4*maxSmall {
			t.Fatalf("%d bytes kept", cap(whole.p.small))
		}
	})
}
