package discord

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// packets.go: what the gateway says, frame by frame, and what the library is told
// of it: only what it must know to identify, to resume and to send heartbeats, in
// words of ours.

// Gateway opcodes (discord.md 8.2).
const (
	opDispatch     = 0
	opHeartbeat    = 1
	opReconnect    = 7
	opInvalid      = 9
	opHello        = 10
	opHeartbeatAck = 11
)

// Heartbeat intervals beyond these are no server's: Discord's is 41.25 s.
const (
	minHeartbeat = 10 * time.Millisecond
	maxHeartbeat = 10 * time.Minute
)

// Opcodes of frames (RFC 6455, 5.2).
const (
	frameRest  = 0
	frameText  = 1
	frameClose = 8
)

// packets takes a server's half of a websocket apart.
type packets struct {
	w    *wire
	take func(kind string, raw []byte)

	upgraded bool
	upgrade  int // bytes of the answer so far
	last4    [4]byte
	header   []byte
	opcode   byte
	fin      bool
	left     uint64
	payload  []byte        // of this frame, if it is a control frame
	message  []byte        // so far
	within   bool          // the header is complete
	parts    bool          // a message has begun
	events   bool          // an event has come
	seq      *atomic.Int64 // of the last one; the next connection of the session goes on from it
}

// feed goes on with b; false to end the connection.
func (p *packets) feed(b []byte) bool {
	for len(b) > 0 {
		switch {
		case !p.upgraded:
			copy(p.last4[:], p.last4[1:])
			p.last4[3] = b[0]
			p.upgraded = p.last4 == [4]byte{'\r', '\n', '\r', '\n'}
			if p.upgrade++; p.upgrade > maxUpgrade {
				return false
			}
			p.w.out = append(p.w.out, b[0])
			b = b[1:]
			continue
		case !p.within:
			p.header = append(p.header, b[0])
			b = b[1:]
			if !p.begin() {
				return false
			}
		default:
			n := min(uint64(len(b)), p.left)
			into := &p.message
			if p.opcode >= frameClose {
				into = &p.payload
			}
			*into = append(*into, b[:n]...)
			b = b[n:]
			p.left -= n
		}
		if p.within && p.left == 0 {
			p.within = false
			if !p.frame() {
				return false
			}
		}
	}
	return true
}

// begin reads the header once it is complete; false for what no server may send.
func (p *packets) begin() bool {
	h := p.header
	if len(h) < 2 {
		return true
	}
	length := uint64(h[1] & 0x7f)
	switch {
	case length == 126 && len(h) == 4:
		length = uint64(binary.BigEndian.Uint16(h[2:]))
	case length == 127 && len(h) == 10:
		length = binary.BigEndian.Uint64(h[2:])
	case length >= 126:
		return true
	}
	p.opcode, p.fin = h[0]&0x0f, h[0]&0x80 != 0
	control := p.opcode >= frameClose
	switch {
	case h[0]&0x70 != 0, h[1]&0x80 != 0: // an extension that nobody asked for; servers do not mask
		return false
	case control && (length > maxControl || !p.fin), length > maxFrame-uint64(len(p.message)):
		return false
	case !control && p.opcode != frameText && p.opcode != frameRest: // nobody asked for compression
		return false
	case !control && p.parts != (p.opcode == frameRest):
		return false
	}
	p.parts = p.parts && control || !control && !p.fin
	p.left, p.within = length, true
	p.header, p.payload = p.header[:0], nil
	return true
}

// frame handles a complete frame; false to end the connection.
func (p *packets) frame() bool {
	if p.opcode >= frameClose {
		if p.opcode == frameClose {
			p.w.closed(p.payload)
		}
		p.pass(p.opcode, p.payload)
		return true
	}
	if !p.fin {
		return true
	}
	m := p.message
	p.message = nil // events keep parts of it
	return p.packet(m)
}

// pass gives the library a frame.
func (p *packets) pass(opcode byte, payload []byte) {
	p.w.out = append(p.w.out, 0x80|opcode, byte(len(payload))) // ours and control frames have at most maxControl bytes
	p.w.out = append(p.w.out, payload...)
}

// packet handles one message of the gateway. What cannot be read is left out.
func (p *packets) packet(raw []byte) bool {
	m := struct {
		Op   int             `json:"op"`
		Seq  int64           `json:"s"`
		Type string          `json:"t"`
		D    json.RawMessage `json:"d"`
	}{Op: -1}
	if !loose(raw, &m) {
		return true
	}
	switch m.Op {
	case opDispatch:
		p.events = true
		if m.Seq > 0 {
			p.seq.Store(m.Seq)
		}
		p.dispatch(m.Type, m.D)
	case opHeartbeat: // to be answered at once
		seq := "null"
		if last := p.seq.Load(); last > 0 {
			seq = strconv.FormatInt(last, 10)
		}
		p.w.tell(frameText, []byte(`{"op":1,"d":`+seq+`}`))
	case opReconnect:
		p.w.note(func(e *ending) { e.reconnect = true })
		return false
	case opInvalid:
		p.w.note(func(e *ending) { e.invalid, e.resumable = true, bytes.Equal(bytes.TrimSpace(m.D), []byte("true")) })
		return false
	case opHello:
		var h struct {
			Interval int64 `json:"heartbeat_interval"`
		}
		if !loose(m.D, &h) || h.Interval < minHeartbeat.Milliseconds() || h.Interval > maxHeartbeat.Milliseconds() {
			return false
		}
		p.pass(frameText, fmt.Appendf(nil, `{"op":10,"d":{"heartbeat_interval":%d}}`, h.Interval))
	case opHeartbeatAck:
		if !p.events {
			return false
		}
		p.pass(frameText, []byte(`{"op":11}`))
	}
	return true
}

// maxSession is the longest id of a session that is kept to resume; Discord's have
// 32 characters.
const maxSession = 48

// dispatch hands an event on, and tells the library its number, and of READY the
// session.
func (p *packets) dispatch(kind string, raw []byte) {
	if raw == nil {
		raw = []byte("null")
	}
	p.take(kind, raw)
	name, d := "-", "null" // an event that the library does not know
	switch kind {
	case "RESUMED":
		name = kind
	case "READY":
		var r struct {
			Session string `json:"session_id"`
		}
		if loose(raw, &r) && len(r.Session) <= maxSession && wordy(r.Session) {
			name, d = kind, `{"session_id":"`+r.Session+`"}`
		}
	}
	p.pass(frameText, fmt.Appendf(nil, `{"op":0,"s":%d,"t":"%s","d":%s}`, p.seq.Load(), name, d))
}

// wordy tells whether s is letters, digits, - and _ alone.
func wordy(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
