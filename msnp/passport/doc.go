// Package passport is how Messenger clients prove who they are: the MD5 answer
// of MSNP2 to MSNP7. It depends on the standard library alone and holds no
// state; everything in it is safe from any goroutine.
package passport
