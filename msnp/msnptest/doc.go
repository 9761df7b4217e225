// Package msnptest is what the tests of the Messenger server share: a runner
// for transcripts, a backend in memory and a server on a port of its own.
package msnptest
