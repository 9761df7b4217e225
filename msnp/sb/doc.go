// Package sb is the switchboard: conversations between connections and guests,
// who have no connection here.
//
// Who locks what. The Exchange's lock guards cookies and accounts, a board's
// lock guards who is inside, who is being rung, and the order of output: lines
// are queued (never written) under it, so that everybody reads joins, messages
// and goodbyes in one order. The two are never held together. Neither is held
// over a call into a Session or a Guest, a completion, or a channel.
package sb
