// Package passport is how Messenger clients prove who they are: the MD5 answer
// of MSNP2 to MSNP7, and for MSNP8 the Passport service of the time over HTTP:
// version 1.4 (nexus and sign-in) and the SOAP token service. It depends on the
// standard library alone. Section numbers in comments are those of the project's
// MSNP reference.
//
// Who owns what; everything is safe from any goroutine, and no lock is held over
// a call out or over I/O:
//   - Tickets: the tickets that are out, one mutex.
//   - Verifier: which passwords were right a moment ago, one mutex.
//   - attempts: who guesses, one mutex. Each handler has one.
//   - Server: its listener counts connections, one mutex.
package passport
