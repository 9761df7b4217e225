package ns_test

import (
	"os"
	"strings"
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// world is the accounts of msnp.md 19: Alice, who has Bob and others on her
// lists at version 12, and Carol.
func world(t testing.TB, o server.Options) (*msnptest.Server, *msnptest.Account) {
	t.Helper()
	o.InfoURL = "http://gateway.example.net/"
	s := msnptest.Start(t, o)
	return s, people(s)
}

func people(s *msnptest.Server) *msnptest.Account {
	alice := s.Backend.Add("alice@example.net", "Alice", "hunter22")
	alice.Version = 12
	alice.List("bob@example.net", "Bob Smith", wire.Forward, wire.Allow, wire.Reverse)
	s.Backend.AddFriend("bob@example.net", "Bob Smith")
	s.Backend.AddFriend("nick@example.net", "Nick").Status = wire.Offline
	return alice
}

// cool is the second contact of most transcripts.
func cool(s *msnptest.Server, alice *msnptest.Account) {
	alice.List("coolcat@discord.com", "coolcat", wire.Forward, wire.Allow)
	s.Backend.AddFriend("coolcat@discord.com", "coolcat").Status = wire.Offline
}

func TestSignIn(t *testing.T) {
	for _, name := range []string{"msnp2", "msnp3", "msnp4", "msnp5", "msnp6", "msnp7", "msnp8"} {
		for _, chunk := range []int{0, 1} {
			t.Run(name, func(t *testing.T) {
				s, alice := world(t, server.Options{})
				switch name {
				case "msnp6":
					s.Backend.AddFriend("bob@example.net", "Bob Smith").Status = wire.Away
				case "msnp7", "msnp8":
					alice.Groups = append(alice.Groups, server.Group{ID: 1, Name: "Friends"})
					alice.List("bob@example.net", "").Groups = []int{0, 1}
					cool(s, alice)
				default:
					cool(s, alice)
				}
				if name == "msnp8" {
					alice.List("mallory@example.org", "mallory@example.org", wire.Block)
					alice.List("newcomer@example.org", "New Comer", wire.Reverse)
					alice.List("removed@example.org", "on no list")
					s.Backend.AddFriend("carol@example.net", "Carol M")
				}
				r := s.Runner(t)
				r.Chunk = chunk
				r.File("testdata/" + name + ".txt")
			})
		}
	}
}

func TestBeingAdded(t *testing.T) {
	s, _ := world(t, server.Options{})
	s.Backend.Add("carol@example.net", "Carol M", "secret7")
	r := s.Runner(t)
	r.SignIn("", "MSNP3", "alice@example.net", "hunter22")
	r.Do("S> ILN 4 NLN bob@example.net Bob%20Smith\nS> [quiet]")
	r.SignIn("C", "MSNP8", "carol@example.net", "secret7")
	r.File("testdata/added.txt")
}

func TestSecondSignIn(t *testing.T) {
	s, _ := world(t, server.Options{})
	s.Runner(t).File("testdata/second.txt")
}

func TestRefusals(t *testing.T) {
	s, _ := world(t, server.Options{})
	s.Runner(t).File("testdata/refusals.txt")
}

func TestErrors(t *testing.T) {
	s, _ := world(t, server.Options{})
	r := s.Runner(t)
	r.Do("CA> VER 1 MSNP6\nSA> VER 1 MSNP6\nCA> USR 2 MD5 I alice@example.net\nSA> USR 2 MD5 S {c}\n" +
		"CA> USR 3 MD5 S {md5:c:hunter22}\nSA> USR 3 OK alice@example.net Alice 1\nSA> MSG Hotmail Hotmail 333\n    *")
	r.File("testdata/errors.txt")
}

// What ends a signed-in connection without a word (msnp.md 3, 9, 19.8).
func TestCloses(t *testing.T) {
	s, _ := world(t, server.Options{})
	text, err := os.ReadFile("testdata/closes.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	lines = append(lines, "ADD 9 FL bob@example.net "+strings.Repeat("n", 388), "CHG 9 N\x01N", "PRP 9 PHH "+strings.Repeat("1", 96))
	for _, line := range lines {
		t.Run(line[:min(len(line), 20)], func(t *testing.T) {
			r := s.Runner(t)
			r.SignIn("A", "MSNP6", "alice@example.net", "hunter22")
			r.Do("SA> ILN 4 NLN bob@example.net Bob%20Smith\nCA> " + line + "\nSA> [closed]")
		})
	}
}
