package sb_test

import (
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// A switchboard speaks alike to clients of every dialect (msnp.md 12, 18.1): each
// talks with Bob's of the oldest, in matrix.txt.
func TestMatrix(t *testing.T) {
	for d := wire.MSNP2; d <= wire.MSNP8; d++ {
		t.Run(d.String(), func(t *testing.T) {
			s := msnptest.Start(t, server.Options{Advertise: host})
			people(s)
			r := s.Runner(t)
			r.SignIn("A", d.String(), "alice@example.net", "hunter22")
			r.SignIn("B", "MSNP2", "bob@example.net", "hunter22")
			r.File("testdata/matrix.txt")
		})
	}
}
