package discordtest

import (
	"maps"
	"slices"
)

// Stage is a moment in the life of a connection.
type Stage int

// The stages of Misbehave.
const (
	AtHello    Stage = iota // when HELLO is due
	AtIdentify              // when READY is due
	AtResume                // when the replay is due
)

// Trick is what the gateway does instead of going on. Several of its fields may
// be set; they act in the order in which they stand here.
type Trick struct {
	Frame   any   // send this: marshalled, or []byte as it is
	Op11    bool  // send an ACK nobody asked for
	Op7     bool  // ask for a reconnect
	Op9     *bool // invalid session: true can be resumed
	Silence bool  // answer nothing on this connection any more
	Close   int   // close with this code
	Drop    bool  // end the connection without a close frame
	Also    bool  // and go on as if nothing had been
	Times   int   // 0: once; negative: always
}

type trick struct {
	Trick
	at Stage
}

type rewrite struct {
	t      string
	change func(map[string]any)
}

type armedSpoil struct {
	t   string
	n   int
	how spoil
}

// Misbehave arms a trick for the next connections that reach a stage. Tricks of
// one stage are used in the order in which they were armed.
func (s *Server) Misbehave(at Stage, t Trick) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Times == 0 {
		t.Times = 1
	}
	s.gw.tricks = append(s.gw.tricks, &trick{Trick: t, at: at})
}

// Behave takes every trick back that was not used up.
func (s *Server) Behave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gw.tricks = nil
}

// trick plays one if it is armed, and tells whether it stands in for the rest.
func (c *conn) trick(at Stage) bool {
	i := slices.IndexFunc(c.s.gw.tricks, func(t *trick) bool { return t.at == at })
	if i < 0 {
		return false
	}
	t := c.s.gw.tricks[i]
	if t.Times--; t.Times == 0 {
		c.s.gw.tricks = slices.Delete(c.s.gw.tricks, i, i+1)
	}
	if t.Frame != nil {
		c.queue(rawFrame(t.Frame))
	}
	if t.Op11 {
		c.op(11, nil)
	}
	if t.Op7 {
		c.op(7, nil)
	}
	if t.Op9 != nil {
		c.op(9, *t.Op9)
	}
	c.frozen = t.Silence
	if t.Close != 0 {
		c.close(t.Close)
	}
	if t.Drop {
		c.kill()
	}
	return !t.Also
}

func rawFrame(v any) []byte {
	if b, ok := v.([]byte); ok {
		return slices.Clone(b)
	}
	return marshalFrame(v)
}

// each does something with every open connection.
func (s *Server) each(do func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range maps.Clone(s.gw.conns) {
		do(c)
	}
	s.notify()
}

// Drop ends every connection without a close frame. Sessions can be resumed.
func (s *Server) Drop() { s.each((*conn).kill) }

// CloseWith closes every connection with a code. Sessions can be resumed, except
// after 4007 and 4009 (reference 5).
func (s *Server) CloseWith(code int) {
	s.each(func(c *conn) {
		if code == closeSeq || code == closeTimeout {
			c.forget()
		}
		c.close(code)
	})
}

// Op7 asks every client to reconnect.
func (s *Server) Op7() { s.each(func(c *conn) { c.op(7, nil) }) }

// Heartbeat asks every client for a heartbeat at once (op 1).
func (s *Server) Heartbeat() { s.each(func(c *conn) { c.op(1, nil) }) }

// InvalidSession tells every client that its session is worth nothing (op 9), and
// whether it can be resumed. The connection stays and may identify again.
func (s *Server) InvalidSession(resumable bool) {
	s.each(func(c *conn) {
		c.detach()
		if !resumable {
			c.forget()
		}
		c.ss, c.invalid = nil, true
		c.op(9, resumable)
	})
}

// ForgetSessions makes every session that has no connection now, and that of
// every open one, impossible to resume. Open connections go on.
func (s *Server) ForgetSessions() {
	s.each(func(c *conn) {
		if c.ss != nil {
			c.ss.lost = true
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Clone(s.gw.order) {
		if s.gw.sessions[id].conn == nil {
			s.forget(id)
		}
	}
}

// Mute makes every open connection fall silent, without ACKs and events, or speak
// again. What was dispatched meanwhile comes with a resume.
func (s *Server) Mute(on bool) { s.each(func(c *conn) { c.muted = on }) }

// InvalidateToken resets the bot's token: every connection is closed with 4004 and
// every request answered 401, until SetToken.
func (s *Server) InvalidateToken() {
	s.mu.Lock()
	s.token = ""
	s.mu.Unlock()
	s.CloseWith(closeToken)
}

// SetIdentifiesLeft sets session_start_limit.remaining.
func (s *Server) SetIdentifiesLeft(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = n
}

// LoseNext makes the next n events of a type ("" any) take their number and never
// be sent; only a resume brings them.
func (s *Server) LoseNext(event string, n int) { s.spoilNext(event, n, spoil{lose: true}) }

// RepeatNext makes the next n events of a type be sent twice.
func (s *Server) RepeatNext(event string, n int) { s.spoilNext(event, n, spoil{repeat: true}) }

// ReorderNext makes the next event of a type arrive behind the one that follows.
func (s *Server) ReorderNext(event string) { s.spoilNext(event, 1, spoil{reorder: true}) }

func (s *Server) spoilNext(event string, n int, how spoil) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gw.spoils = append(s.gw.spoils, &armedSpoil{t: event, n: n, how: how})
}

// RewriteNext lets a test change the next event of a type, for unknown and
// wrong fields. change runs with the server locked and must not call it.
func (s *Server) RewriteNext(event string, change func(map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gw.rewrites = append(s.gw.rewrites, rewrite{event, change})
}

// Hold keeps every dispatch back until release is called, which may be done
// twice. Several holds add up.
func (s *Server) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gw.holds++
	released := false
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if released {
			return
		}
		released = true
		if s.gw.holds--; s.gw.holds > 0 {
			return
		}
		for c := range s.gw.conns {
			for _, f := range c.held {
				c.queue(f)
			}
			c.held = nil
		}
	}
}

// Dispatch sends an event of any type and content to every session.
func (s *Server) Dispatch(event string, d any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how := s.gw.takeSpoil(event)
	for _, id := range s.gw.order {
		s.gw.sessions[id].send(s, event, d, how)
	}
	s.notify()
}

// SendFrame sends a frame to every connection: marshalled, or []byte as it is. It
// gets no number.
func (s *Server) SendFrame(frame any) {
	b := rawFrame(frame)
	s.each(func(c *conn) { c.queue(b) })
}

// Identifies is how many IDENTIFYs came.
func (s *Server) Identifies() int { return s.count(func() int { return s.gw.identifies }) }

// Resumes is how many RESUMEs succeeded.
func (s *Server) Resumes() int { return s.count(func() int { return s.gw.resumes }) }

// Connections is how many websockets were ever made.
func (s *Server) Connections() int { return s.count(func() int { return s.gw.made }) }

// Open is how many websockets are open now.
func (s *Server) Open() int { return s.count(func() int { return len(s.gw.conns) }) }

// Heartbeats is how many came.
func (s *Server) Heartbeats() int { return s.count(func() int { return s.gw.beats }) }

// Connected is how many clients are past READY or RESUMED now.
func (s *Server) Connected() int {
	return s.count(func() int {
		n := 0
		for _, ss := range s.gw.sessions {
			if ss.conn != nil {
				n++
			}
		}
		return n
	})
}

func (s *Server) count(n func() int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return n()
}

// Closes is how clients left of their own will, in order: their close codes, 1006
// for none.
func (s *Server) Closes() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.gw.closes)
}

// Wanted is how many persons each request for members (op 8) named, in order.
func (s *Server) Wanted() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.gw.wanted)
}

// BotStatus is the last presence the bot set (op 3), nil if none.
func (s *Server) BotStatus() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.gw.status)
}
