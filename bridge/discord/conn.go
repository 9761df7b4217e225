package discord

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"time"
)

// conn.go: the connection below discordgo. It reads along, because the library
// hides why a connection ended, and it ends the connection itself where the
// library would deadlock (op 7 and 11 at the wrong time), identify on its own
// (op 9) or end the session with close code 1000 (discord.md 6.3, 6.4).

const (
	// writeTimeout bounds one write (discord.md 6.4).
	writeTimeout = 10 * time.Second
	// dialTimeout bounds the connection and its handshakes (discord.md 6.1).
	dialTimeout = 10 * time.Second
	// maxSmall is the size up to which a frame is looked into. Those that matter
	// have under 100 bytes; READY and all events that hold anything have more.
	maxSmall = 256
	// maxFrame is the largest frame taken: GUILD_CREATE of a big guild has a few
	// megabytes.
	maxFrame = 64 << 20
)

// Gateway opcodes that are looked for (discord.md 8.2).
const (
	opDispatch     = 0
	opReconnect    = 7
	opInvalid      = 9
	opHeartbeatAck = 11
)

// ending is why a connection ended.
type ending struct {
	code      int  // close code, 0 without one
	reconnect bool // op 7
	invalid   bool // op 9
	resumable bool // with op 9
}

// wire is a connection to the gateway.
type wire struct {
	net.Conn
	silence time.Duration
	gone    chan struct{} // closed with the connection

	mu   sync.Mutex
	end  ending
	once sync.Once

	// Owned by the reader.
	p frames
}

func newWire(c net.Conn, silence time.Duration) *wire {
	return &wire{Conn: c, silence: silence, gone: make(chan struct{})}
}

// dialWire makes the connection, and the TLS on it if host is to be verified.
func dialWire(ctx context.Context, network, addr string, secure bool, silence time.Duration) (*wire, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if !secure {
		return newWire(c, silence), nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		c.Close()
		return nil, err
	}
	t := tls.Client(c, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return newWire(t, silence), nil
}

// errCut is a connection that we ended.
var errCut = errors.New("discord: connection ended")

// Read implements net.Conn. After any error the connection is closed before the
// library hears of it, so that its close frame cannot leave.
func (w *wire) Read(b []byte) (int, error) {
	_ = w.Conn.SetReadDeadline(time.Now().Add(w.silence)) // fails with the read that follows
	n, err := w.Conn.Read(b)
	if n > 0 && !w.inspect(b[:n]) {
		err, n = errCut, 0
	}
	if err != nil {
		w.Close()
	}
	return n, err
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	_ = w.Conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // likewise
	n, err := w.Conn.Write(b)
	if err != nil {
		w.Close()
	}
	return n, err
}

// Close implements net.Conn.
func (w *wire) Close() error {
	err := w.Conn.Close()
	w.once.Do(func() { close(w.gone) })
	return err
}

// ended is why.
func (w *wire) ended() ending {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end
}

func (w *wire) note(change func(*ending)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.end)
}

// inspect reads along; false to end the connection.
func (w *wire) inspect(b []byte) bool {
	return w.p.feed(b, func(opcode byte, payload []byte, whole bool) bool {
		switch opcode {
		case 8: // close
			if len(payload) >= 2 {
				code := int(binary.BigEndian.Uint16(payload))
				w.note(func(e *ending) { e.code = code })
			}
			return true
		case 1, 2:
			return w.packet(payload, whole)
		}
		return true
	})
}

// packet looks at one message of the gateway.
func (w *wire) packet(payload []byte, whole bool) bool {
	if !whole {
		w.p.dispatched = true
		return true
	}
	var m struct {
		Op int             `json:"op"`
		D  json.RawMessage `json:"d"`
	}
	m.Op = -1
	if json.Unmarshal(payload, &m) != nil {
		return true
	}
	switch m.Op {
	case opDispatch:
		w.p.dispatched = true
	case opReconnect:
		w.note(func(e *ending) { e.reconnect = true })
		return false
	case opInvalid:
		w.note(func(e *ending) { e.invalid, e.resumable = true, bytes.Equal(m.D, []byte("true")) })
		return false
	case opHeartbeatAck:
		return w.p.dispatched
	}
	return true
}

// frames takes a server's half of a websocket apart.
type frames struct {
	upgraded   bool
	last4      [4]byte // of the answer to the upgrade
	header     []byte
	opcode     byte
	left       uint64
	small      []byte
	big, part  bool
	inPayload  bool
	dispatched bool // an event has come
	text       bool // the payload is JSON
	tag        tagger
}

// feed goes on with b. See is called for each frame, with its payload if that is
// small and the frame is a whole message; it says whether to go on.
func (f *frames) feed(b []byte, see func(opcode byte, payload []byte, whole bool) bool) bool {
	for len(b) > 0 {
		switch {
		case !f.upgraded:
			copy(f.last4[:], f.last4[1:])
			f.last4[3] = b[0]
			f.upgraded = f.last4 == [4]byte{'\r', '\n', '\r', '\n'}
			b = b[1:]
		case !f.inPayload:
			f.header = append(f.header, b[0])
			b = b[1:]
			if !f.begin() {
				return false
			}
		default:
			n := min(uint64(len(b)), f.left)
			if f.text {
				f.tag.feed(b[:n])
			}
			if !f.big {
				f.small = append(f.small, b[:n]...)
			}
			b = b[n:]
			f.left -= n
		}
		if f.inPayload && f.left == 0 {
			f.inPayload = false
			if !see(f.opcode, f.small, !f.big && !f.part) {
				return false
			}
		}
	}
	return true
}

// begin reads the header once it is complete; false for what no server may send.
func (f *frames) begin() bool {
	h := f.header
	if len(h) < 2 {
		return true
	}
	if h[1]&0x80 != 0 { // servers do not mask
		return false
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
	if length > maxFrame {
		return false
	}
	f.opcode, f.part = h[0]&0x0f, h[0]&0x80 == 0
	switch f.opcode {
	case 0: // the rest of a message in parts
		f.part = true
	case 1:
		f.text, f.tag = true, tagger{}
	default: // a control frame may come between parts, but no server of ours does that
		f.text = false
	}
	f.left, f.big, f.inPayload = length, length > maxSmall, true
	f.header, f.small = f.header[:0], f.small[:0]
	return true
}
