package discord

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn.go: the connection below discordgo. Packets of the gateway end here: the
// library would decode events into structs of its own, and what those do not
// expect ends the process; it would also deadlock (op 7 and 11 at the wrong time),
// identify on its own (op 9) or end the session with close code 1000
// (discord.md 6.3, 6.4). So it gets packets that packets.go made, and the events go
// to us past it.

const (
	// writeTimeout bounds one write (discord.md 6.4).
	writeTimeout = 10 * time.Second
	// dialTimeout bounds the connection and its handshakes (discord.md 6.1).
	dialTimeout = 10 * time.Second
	// maxFrame is the largest message taken: GUILD_CREATE of a big guild has a few
	// megabytes.
	maxFrame = 64 << 20
	// maxControl is the longest payload of a control frame (RFC 6455, 5.5).
	maxControl = 125
	// maxUpgrade bounds the answer to the upgrade, in bytes.
	maxUpgrade = 64 << 10
	// readBuffer is how much is read at a time.
	readBuffer = 16 << 10
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
	closing chan struct{} // closed when the other side has said goodbye

	mu   sync.Mutex
	end  ending
	once sync.Once

	// Owned by the reader.
	p   packets
	buf []byte
	out []byte // for the library
}

// newWire wraps a connection. Take gets the events; it must not wait. Seq is the
// number of the session's last one.
func newWire(c net.Conn, silence time.Duration, seq *atomic.Int64, take func(kind string, raw []byte)) *wire {
	w := &wire{Conn: c, silence: silence, gone: make(chan struct{}), closing: make(chan struct{}), buf: make([]byte, readBuffer)}
	w.p = packets{w: w, seq: seq, take: take}
	return w
}

// dialWire makes the connection, and the TLS on it if it is to be secure.
func dialWire(ctx context.Context, network, addr string, secure bool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil || !secure {
		return c, err
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
	return t, nil
}

// errCut is a connection that we ended.
var errCut = errors.New("discord: connection ended")

// Read implements net.Conn. After any error the connection is closed before the
// library hears of it, so that its close frame cannot leave.
func (w *wire) Read(b []byte) (int, error) {
	for len(w.out) == 0 {
		_ = w.SetReadDeadline(time.Now().Add(w.silence)) // fails with the read that follows
		n, err := w.Conn.Read(w.buf)
		if n > 0 && !w.p.feed(w.buf[:n]) {
			err = errCut
		}
		if err != nil {
			w.Close()
			return 0, err
		}
	}
	n := copy(b, w.out)
	if w.out = w.out[n:]; len(w.out) == 0 {
		w.out = nil
	}
	return n, nil
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	_ = w.SetWriteDeadline(time.Now().Add(writeTimeout)) // likewise
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

// tell writes a frame of our own, whole and in one piece, so that it stands between
// the library's. The mask, which every client must use, is zero: it hides nothing
// from anybody.
func (w *wire) tell(opcode byte, payload []byte) {
	f := []byte{0x80 | opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0} // at most maxControl bytes
	_, _ = w.Write(append(f, payload...))                             // the connection is closed if it fails
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

// closed notes the other side's close frame.
func (w *wire) closed(payload []byte) {
	if len(payload) >= 2 {
		code := int(binary.BigEndian.Uint16(payload))
		w.note(func(e *ending) { e.code = code })
	}
	select {
	case <-w.closing:
	default:
		close(w.closing)
	}
}
