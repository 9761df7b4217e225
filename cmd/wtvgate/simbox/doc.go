// Package simbox is a simulated box at a terminal: it signs in to a running
// gateway as firmware does, shows what the owner of a box would see, one line for
// each event, and does what is typed.
//
// One goroutine, that of Box.Run, owns all that a Box knows: its lists, its
// conversations, its connections. Each conversation has a goroutine that hands on
// what the switchboard says; it ends when the switchboard closes or Run returns.
// A Screen has a mutex, so that lines of the protocol, which come from the
// connections' own goroutines, do not mix with the others.
//
// What others say is shown with nothing in it that a terminal obeys: see Clean.
package simbox
