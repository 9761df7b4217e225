// Package client is a small MSNP client: what the simulated box, the demo and
// the tests sign in with. It speaks MSNP2 to MSNP8 as firmware and PC clients
// do, and lets its user say odd things on purpose.
//
// A Client is one notification connection, a Board one switchboard connection.
// Each has a goroutine that reads. It alone touches the reader and alone sends
// to and closes the event channel; it ends when the connection ends, and Close
// waits for it. All methods are safe from any goroutine, except that a Trace
// function must call none.
//
// Events are queued up to a limit. When the queue is full the reading stops
// until there is room, so that the server feels the back pressure: nothing is
// dropped, but answers wait too, and a call ends with its context. So receive
// from Events all the time, and call Close in the end.
//
// Locks: link.mu guards the calls under way and why the connection ended, and
// Board.mu who is inside; neither is held over I/O or a send. The right to
// write is a token in a channel, so that waiting for it honours a context.
package client
