// Package wire is MSNP on the wire: commands, payloads, escapes, error codes
// and MIME heads, as MSNP2 to MSNP8 have them. It holds no sockets and no
// state beyond a reader's buffer; it depends on the standard library alone.
//
// A Reader belongs to one goroutine. There are no locks; all functions are safe
// from any goroutine.
package wire
