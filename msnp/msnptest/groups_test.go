package msnptest

import (
	"fmt"
	"testing"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

func TestGroupsAndPhones(t *testing.T) {
	s := Start(t, server.Options{})
	alice := s.Backend.Add("alice@example.net", "Alice", "hunter22")
	s.Backend.Add("bob@example.net", "Bob Smith", "secret7").List("alice@example.net", "Alice", wire.Forward)
	r := s.Runner(t)
	r.SignIn("A", "MSNP8", "alice@example.net", "hunter22")
	r.SignIn("B", "MSNP7", "bob@example.net", "secret7")
	r.Do("SB> ILN 4 NLN alice@example.net Alice\nCB> SYN 5 1\nSB> SYN 5 1")
	r.File("testdata/groups.txt")
	for i := 1; i < maxGroup; i++ {
		alice.Groups = append(alice.Groups, server.Group{ID: i, Name: fmt.Sprint("g", i)})
	}
	r.Do("CA> ADG 30 more 0\nSA> 223 30")
	for i := range maxForward {
		alice.List(fmt.Sprintf("f%d@example.net", i), "f", wire.Forward)
	}
	r.Do("CA> ADD 31 FL bob@example.net Bob\nSA> 210 31")
	for _, tt := range []struct{ method, line string }{
		{"AddGroup", "ADG 1 x 0"}, {"RemoveGroup", "RMG 1 1"}, {"RenameGroup", "REG 1 1 x 0"}, {"SetPhone", "PRP 1 PHH 1"},
	} {
		s.Backend.Hook = func(method string) error {
			if method == tt.method {
				return wire.Refuse(wire.ErrDatabase)
			}
			return nil
		}
		r.Do("CA> " + tt.line + "\nSA> 501 1")
	}
}
