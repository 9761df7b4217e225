package discordtest

import (
	"bytes"
	"compress/zlib"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// What the gateway keeps of its clients.
const (
	maxPacket    = 4096 // bytes, else 4002 (Discord's documentation, Gateway)
	maxPackets   = 120  // in packetWindow, else 4008 (reference 5)
	packetWindow = 60 * time.Second
	writeWait    = 5 * time.Second // a client that does not read so long is dropped
	closeWait    = 2 * time.Second // for the client's own close frame
)

// Close codes (reference 5).
const (
	closeUnknownOp      = 4001
	closeDecode         = 4002
	closeNotIdentified  = 4003
	closeToken          = 4004
	closeAlready        = 4005
	closeSeq            = 4007
	closeRate           = 4008
	closeTimeout        = 4009
	closeVersion        = 4012
	closeIntents        = 4013
	closeIntentDisabled = 4014
)

type gatewayState struct {
	wanted     []int // persons of each op 8
	sessions   map[string]*session
	order      []string // of sessions
	conns      map[*conn]bool
	made       int
	identifies int
	resumes    int
	closes     []int
	status     obj
	tricks     []*trick
	rewrites   []rewrite
	spoils     []*armedSpoil
	holds      int
	beats      int
}

// conn is one websocket. Everything but ws is guarded by Server.mu; ws is read by
// the reader alone and written by the writer alone.
type conn struct {
	s         *Server
	ws        *websocket.Conn
	version   int
	out       [][]byte
	held      [][]byte // kept back by Hold
	behind    [][]byte // come behind the next one
	queued    int
	written   int
	wake      chan struct{}
	dead      chan struct{}
	killed    bool
	closeCode int
	compress  bool
	muted     bool
	frozen    bool // a trick took over: nothing is answered any more
	invalid   bool // op 9 was sent, and the client may not have read it yet
	ss        *session
	packets   []time.Time
	timer     *time.Timer
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// gateway serves one connection until it ends.
func (s *Server) gateway(w http.ResponseWriter, r *http.Request) {
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	c := &conn{s: s, ws: ws, wake: make(chan struct{}, 1), dead: make(chan struct{})}
	ws.SetReadLimit(maxBody)
	ws.SetCloseHandler(func(int, string) error { return nil })
	s.mu.Lock()
	if s.closed || len(s.gw.conns) >= maxConns {
		s.mu.Unlock()
		_ = ws.Close() // nothing was said yet
		return
	}
	s.gw.conns[c] = true
	s.gw.made++
	s.wg.Add(2)
	c.hello(r)
	s.notify()
	s.mu.Unlock()
	go c.writer()
	c.reader()
}

// hello greets, or does what a test armed instead. mu is held.
func (c *conn) hello(r *http.Request) {
	c.timer = time.AfterFunc(c.s.patience(), c.timeout)
	switch q := r.URL.Query(); q.Get("v") {
	case "9", "10":
		c.version = int(q.Get("v")[0] - '0')
		if len(q.Get("v")) == 2 {
			c.version = 10
		}
	default:
		c.s.violation("gateway: version %q", q.Get("v"))
		c.close(closeVersion)
		return
	}
	if e := r.URL.Query().Get("encoding"); e != "json" {
		c.s.violation("gateway: encoding %q", e)
		c.close(closeDecode)
		return
	}
	if !c.trick(AtHello) {
		c.op(10, obj{"heartbeat_interval": c.s.o.Heartbeat.Milliseconds()})
	}
}

// patience is how long a client may be without a heartbeat. The grace keeps small
// intervals from ending connections of a busy machine.
func (s *Server) patience() time.Duration { return 2*s.o.Heartbeat + s.o.Grace }

// timeout closes a connection whose client stopped beating.
func (c *conn) timeout() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.killed || c.closeCode != 0 || c.muted || c.frozen {
		return
	}
	c.forget()
	c.close(closeTimeout)
}

// forget ends the session of the connection for good.
func (c *conn) forget() {
	if c.ss != nil {
		c.s.forget(c.ss.id)
		c.ss = nil
	}
}

func (s *Server) forget(id string) {
	delete(s.gw.sessions, id)
	if i := slices.Index(s.gw.order, id); i >= 0 {
		s.gw.order = slices.Delete(s.gw.order, i, i+1)
	}
}

// push queues a dispatch, which a test may have held back.
func (c *conn) push(frame []byte) {
	switch {
	case c.muted || c.frozen:
	case c.s.gw.holds > 0:
		c.held = append(c.held, frame)
		c.bound(len(c.held))
	default:
		c.queue(frame)
	}
}

// queue hands a frame to the writer.
func (c *conn) queue(frame []byte) {
	if c.killed || c.closeCode != 0 {
		return
	}
	c.out = append(c.out, frame)
	c.queued++
	c.bound(len(c.out))
	c.ring()
}

func (c *conn) bound(n int) {
	if n > maxQueue {
		c.kill()
	}
}

func (c *conn) ring() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// op sends what is no dispatch.
func (c *conn) op(op int, d any) {
	c.queue(marshalFrame(obj{"op": op, "d": d, "s": nil, "t": nil}))
}

// close says goodbye with a code behind everything queued. The session stays.
func (c *conn) close(code int) {
	if c.closeCode == 0 && !c.killed {
		c.closeCode = code
		c.detach()
		c.ring()
	}
}

// kill ends the TCP connection without a close frame. mu is held, or the server
// is the only one to know c.
func (c *conn) kill() {
	if c.killed {
		return
	}
	c.killed = true
	c.detach()
	close(c.dead)
	_ = c.ws.NetConn().Close() // the reader notices
}

// detach leaves the session to a resume.
func (c *conn) detach() {
	if c.ss != nil && c.ss.conn == c {
		c.ss.conn = nil
	}
}

// writer sends the queue; it is the only one that writes.
func (c *conn) writer() {
	defer c.s.wg.Done()
	for {
		c.s.mu.Lock()
		out, code := c.out, c.closeCode
		c.out = nil
		compress := c.compress
		c.s.mu.Unlock()
		for _, frame := range out {
			if !c.write(frame, compress) {
				return
			}
		}
		if len(out) > 0 {
			continue
		}
		if code != 0 {
			c.bye(code)
			return
		}
		select {
		case <-c.wake:
		case <-c.dead:
			return
		}
	}
}

func (c *conn) write(frame []byte, compress bool) bool {
	kind := websocket.TextMessage
	sent := frame
	if compress {
		kind, sent = websocket.BinaryMessage, deflate(frame)
	}
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeWait)) // a dead one fails below
	err := c.ws.WriteMessage(kind, sent)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if err != nil {
		c.kill()
		return false
	}
	c.written++
	c.s.notify()
	return true
}

// deflate makes one whole zlib stream of a frame, as identify.compress asks.
func deflate(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// bye sends the close frame and gives the client a while to answer it.
func (c *conn) bye(code int) {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, closeText(code)), time.Now().Add(closeWait))
	_ = c.ws.SetReadDeadline(time.Now().Add(closeWait)) // ends the reader, which ends the rest
}

func closeText(code int) string {
	return map[int]string{closeUnknownOp: "Unknown opcode.", closeDecode: "Error while decoding payload.", closeNotIdentified: "Not authenticated.",
		closeToken: "Authentication failed.", closeAlready: "Already authenticated.", closeSeq: "Invalid seq.", closeRate: "You are being rate limited.",
		closeTimeout: "Session timed out.", closeVersion: "Invalid API version.", closeIntents: "Invalid intent(s).", closeIntentDisabled: "Disallowed intent(s)."}[code]
}

// reader takes packets until the connection ends, then settles the session.
func (c *conn) reader() {
	defer c.s.wg.Done()
	for {
		_, b, err := c.ws.ReadMessage()
		if err != nil {
			c.end(err)
			return
		}
		c.s.mu.Lock()
		if c.closeCode == 0 && !c.killed {
			c.packet(b)
			c.s.notify()
		}
		c.s.mu.Unlock()
	}
}

// end records how the client left. A client that closes with 1000 or 1001 ends
// its session; after any other end it can be resumed (reference 8.2).
func (c *conn) end(err error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	code := websocket.CloseAbnormalClosure
	var ce *websocket.CloseError
	if errors.As(err, &ce) {
		code = ce.Code
	}
	if c.closeCode == 0 && !c.killed {
		c.s.gw.closes = append(c.s.gw.closes, code)
		if code == websocket.CloseNormalClosure || code == websocket.CloseGoingAway {
			c.forget()
		}
	}
	c.timer.Stop()
	c.kill()
	delete(c.s.gw.conns, c)
	c.s.notify()
}
