package ns

import (
	"strconv"
	"sync"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// maxHeld bounds what is held back while USR OK is on its way, in bytes; far
// more than the few notices that can come in that moment.
const maxHeld = 64 << 10

// notifier is the session's server.Notifier. The backend may use it from the
// moment Verify was called; what comes before USR OK has been queued is held
// back behind it.
//
// mu guards its fields and puts notices in order; it is not held over I/O.
type notifier struct {
	s *session

	mu     sync.Mutex
	opened bool
	synced bool             // the client has asked for its lists
	who    server.Principal // set by open; the backend is not asked under mu
	held   []byte
	reason *server.Reason // set by Close
}

func newNotifier(s *session) *notifier { return &notifier{s: s} }

// open queues the answer to USR and what was held back.
func (n *notifier) open(who server.Principal, reply []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.who = who
	n.s.c.ReplyBytes(append(reply, n.held...))
	n.opened, n.held = true, nil
	if n.reason != nil {
		n.s.c.End(closeReason(*n.reason))
	}
}

// stop tells whether the session ended because somebody ended it.
func (n *notifier) stop() (kicked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reason != nil
}

func (n *notifier) push(verb string, args ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pushLocked(verb, args)
}

func (n *notifier) pushLocked(verb string, args []string) {
	if n.opened {
		n.s.c.Push(verb, args...)
	} else if len(n.held) < maxHeld {
		n.held = wire.AppendLine(n.held, verb, args...)
	}
}

// Presence implements server.Notifier.
func (n *notifier) Presence(p server.Presence) {
	switch {
	case p.Status == wire.Offline:
		n.push("FLN", p.Address)
	case n.s.traits.clientID:
		n.push("NLN", string(p.Status), p.Address, p.Shown(), capability(p))
	default:
		n.push("NLN", string(p.Status), p.Address, p.Shown())
	}
}

// Added implements server.Notifier.
func (n *notifier) Added(l wire.List, v uint32, p server.Person) {
	args := []string{"0", l.String(), version(v), p.Address, p.Shown()}
	if l == wire.Forward && n.s.traits.groups {
		args = append(args, "0")
	}
	n.push("ADD", args...)
}

// Removed implements server.Notifier.
func (n *notifier) Removed(l wire.List, v uint32, addr string) {
	n.push("REM", "0", l.String(), version(v), addr)
}

// Phone implements server.Notifier.
func (n *notifier) Phone(v uint32, addr string, p server.Phone) {
	args := []string{version(v), addr, string(p.Kind)}
	if p.Value != "" {
		args = append(args, wire.Escape(p.Value))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.synced && n.s.traits.phones {
		n.pushLocked("BPR", args)
	}
}

// inSync notes that the client gets its lists.
func (n *notifier) inSync() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.synced = true
}

// Ring implements server.Notifier.
func (n *notifier) Ring(r server.Ring) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.opened {
		return // nobody can be called before the first CHG
	}
	if b := n.s.c.Options().Boards; b == nil || !b.Bind(r.Cookie, n.who) {
		return // the ring ended before it got here
	}
	n.pushLocked("RNG", []string{
		strconv.Itoa(int(r.Session)), n.s.c.Host(), "CKI", r.Cookie, r.From.Address, r.From.Shown(),
	})
}

// Close implements server.Notifier.
func (n *notifier) Close(why server.Reason) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reason != nil {
		return
	}
	n.reason = &why
	if why != server.Dropped {
		n.pushLocked("OUT", []string{string(why)})
	}
	if n.opened {
		n.s.c.End(closeReason(why))
	}
}

func closeReason(why server.Reason) string {
	switch why {
	case server.SignedInElsewhere:
		return "signed in elsewhere"
	case server.ShuttingDown:
		return "shutdown"
	}
	return "dropped"
}
