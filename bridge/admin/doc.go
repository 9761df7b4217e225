// Package admin is what an operator does to accounts and contacts: the same
// operations whether they run in the command's own process, because no gateway
// is running, or inside the running gateway, where signed-in boxes feel them at
// once. The running gateway takes them over HTTP on a loopback port; the port and
// a fresh token stand in a file of the data directory that only its owner reads.
package admin
