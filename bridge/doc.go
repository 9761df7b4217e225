// Package bridge is the gateway's core: it stands between accounts, who are
// signed in from boxes, and networks, where their friends are.
//
// Who owns what:
//   - Hub has the maps of signed-in accounts, conversations and networks under
//     one mutex. It is never held over I/O, a call or a send.
//   - A conversation's queue is rows in the store; one goroutine per
//     conversation with work takes them in order and ends when there is none.
//   - A box's queue is rows in the store too; the account's goroutine (package
//     bridge/box) is rung and takes them.
//   - A network owns its connection and its own tables.
package bridge
