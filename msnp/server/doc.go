// Package server is what the notification server and the switchboard have in
// common: the listener, the connection, the command table, the limits, and the
// interfaces that whoever owns the accounts implements (session.go).
//
// Who owns what. A connection's reader goroutine owns its parser, its rate
// limits and its handler, and ends it. Output belongs to the queue: any
// goroutine appends under the queue's lock, a writer goroutine exists while
// there is something to write and alone touches the socket's write side.
//
// Locks, in the order in which they may be taken: a session's notifier (package
// ns) or a board (package sb), then the exchange (sb, behind a notifier only), a
// connection, a queue. None is held over socket I/O, a completion or a call into
// the backend. The server's own lock guards its maps and nests with none.
package server
