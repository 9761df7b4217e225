// Package server accepts WTVP connections, secures them, and hands requests to the services behind them.
//
// A connection begins plain. SECURE ON with a wtv-ticket turns it into a secured one: from the byte after its blank line on
// everything from the client is RC4, and so are the bodies, but not the heads, of what it is answered. Both streams run on to
// the end of the connection, over refusals too.
//
// Who owns what: one goroutine owns each connection with its buffers, ciphers and Session, and runs the handlers. Server.mu
// guards the listeners, the set of connections and the counts by address, and is never held over I/O. conn.mu guards only what
// tells a stopping server whether a connection is at rest. Handlers may be called from many goroutines at once.
//
// Section numbers in comments are those of the project's WTVP reference.
package server

import "time"

// Defaults of Options, and limits without an option.
const (
	// DefaultMaxConnections bounds the connections of one Server, over all its listeners: about 20 KB each, and as many as
	// a full gateway has boxes, since all of them sign in at once after a power cut.
	DefaultMaxConnections = 20000
	// DefaultMaxPerAddress bounds the connections from one IPv4 address or IPv6 /64. It is high because boxes share the
	// address of the dial-in server or emulator host that they come through.
	DefaultMaxPerAddress = 1000
	// DefaultFirstTimeout is how long a new connection may send nothing. A box connects when it has something to ask.
	DefaultFirstTimeout = time.Minute
	// DefaultIdleTimeout is how long a connection may rest between requests: "some minutes" (section 2.3).
	DefaultIdleTimeout = 5 * time.Minute
	// DefaultHeadTimeout is how long a head may take from its first byte on; not less than 30 s on a modem line
	// (section 2.3).
	DefaultHeadTimeout = time.Minute
	// DefaultBodyTimeout is how long a body may take from the end of its head on: the largest takes 30 s at 2400 bytes
	// per second.
	DefaultBodyTimeout = time.Minute
	// DefaultWriteTimeout is how long writing one answer may take.
	DefaultWriteTimeout = time.Minute
	// HandlerTimeout ends the context of a handler. A box waits 240 s or more for a messengerlogin (section 9.2).
	HandlerTimeout = 2 * time.Minute

	// maxLarge is how many requests with a head or body beyond wire.Usual are under way at a time: no box sends one, and each
	// may take 100 KB. More are refused.
	maxLarge = 256
	// readBuffer is small because a box sends about 1 KB at a time and there may be thousands of connections.
	readBuffer = 2 << 10
	// lingerTimeout and lingerBytes bound how long and how much a connection that was refused is still read, so that the
	// refusal is not lost in a reset.
	lingerTimeout = 2 * time.Second
	lingerBytes   = 64 << 10
	// The pause after a failed accept doubles from acceptMinDelay to acceptMaxDelay.
	acceptMinDelay = 5 * time.Millisecond
	acceptMaxDelay = time.Second
	// noticeInterval is how often connections turned away at the door are logged, with their number.
	noticeInterval = 10 * time.Second
	// maxRefusals is how many requests are refused on one connection before it is closed: each is a line in the log, and a
	// box asks again at most every 20 s (wtv-messenger-retry-interval, section 9.2).
	maxRefusals = 100
	// maxIdentity cuts what is kept of an identifying header, in bytes: an SSID has 16 digits, the longest rom type seen
	// about 50 characters.
	maxIdentity = 96
)
