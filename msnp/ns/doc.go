// Package ns is the notification server: sign-in, lists, presence, invitations
// into switchboards. One session is one connection; it belongs to the
// connection's reader goroutine, except the notifier, which has a lock of its
// own because the account's notices come from other goroutines.
//
// What differs between MSNP2 and MSNP8 is data in dialect.go; a later command
// is a row in the table of commands and a handler.
package ns
