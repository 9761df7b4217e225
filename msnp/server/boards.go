package server

// Boards is what the notification server needs of the switchboard, which a
// package of its own implements (msnp/sb). Methods are safe from any goroutine
// and do not block.
type Boards interface {
	Switchboards
	// Open gives p a cookie to open a board with (XFR SB). A refusal is a
	// *wire.Error.
	Open(p Principal) (cookie string, err error)
	// Bind ties the cookie of a ring to the session that is about to be told of
	// it. False: the ring has ended meanwhile.
	Bind(cookie string, p Principal) bool
	// End voids the unused cookies of a session that has ended. With kick its
	// open boards close as well: a second sign-in, a shutdown (msnp.md 12.4).
	End(s Session, kick bool)
	// Close ends every ring and board, for the end of the server.
	Close()
}
