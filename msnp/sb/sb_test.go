package sb_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

const host = "192.0.2.1:1863"

// people are Alice, Bob and Carol, who have accounts, and Coolcat, who has not.
func people(s *msnptest.Server) (alice *msnptest.Account, cool *msnptest.Friend) {
	alice = s.Backend.Add("alice@example.net", "Alice", "hunter22")
	s.Backend.Add("bob@example.net", "Bob Smith", "hunter22")
	s.Backend.Add("carol@example.net", "", "hunter22")
	s.Backend.Add("offline@example.net", "Off", "hunter22")
	return alice, s.Backend.AddFriend("coolcat@discord.com", "coolcat")
}

type scene struct {
	*msnptest.Server
	r     *msnptest.Runner
	alice *msnptest.Account
	cool  *msnptest.Friend
}

// start is a server with everybody of accounts signed in on connections A, B, C.
func start(t testing.TB, o server.Options, accounts string) *scene {
	t.Helper()
	o.Advertise = host
	s := msnptest.Start(t, o)
	return newScene(s, s.Runner(t), accounts)
}

func newScene(s *msnptest.Server, r *msnptest.Runner, accounts string) *scene {
	sc := &scene{Server: s, r: r}
	sc.alice, sc.cool = people(s)
	for _, name := range strings.Split(accounts, "") {
		r.SignIn(name, "MSNP6", map[string]string{
			"A": "alice@example.net", "B": "bob@example.net", "C": "carol@example.net",
		}[name], "hunter22")
	}
	return sc
}

// bubble is start on a clock of its own.
func bubble(t *testing.T, o server.Options, accounts string, f func(t *testing.T, sc *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Advertise = host
		ln := msnptest.NewPipe()
		s := msnptest.StartOn(t, o, ln)
		r := msnptest.NewRunnerOn(t, func() (net.Conn, error) { return ln.Dial("192.0.2.10:1863") })
		f(t, newScene(s, r, accounts))
	})
}

// wait lets time pass in a bubble.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
}

// next is the friend's next event.
func (sc *scene) next(t testing.TB, want msnptest.Event) {
	t.Helper()
	select {
	case e := <-sc.cool.Events():
		if e != want {
			t.Fatalf("event %+v, want %+v", e, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("no event, want %+v", want)
	}
}

func TestTranscripts(t *testing.T) {
	tests := []struct{ file, accounts string }{
		{"conversation", "ABC"}, {"friend", "AB"}, {"refusals", "A"},
	}
	for _, tt := range tests {
		for _, chunk := range []int{0, 1} {
			t.Run(fmt.Sprint(tt.file, chunk), func(t *testing.T) {
				sc := start(t, server.Options{}, tt.accounts)
				sc.r.Chunk = chunk
				sc.r.File("testdata/" + tt.file + ".txt")
			})
		}
	}
}

// What the friend of friend.txt sees.
func TestGuest(t *testing.T) {
	sc := start(t, server.Options{}, "AB")
	sc.r.File("testdata/friend.txt")
	for _, e := range []msnptest.Event{
		{Kind: "opened", Who: "alice@example.net"},
		{Kind: "text", Who: "alice@example.net", Text: "hi there"},
		{Kind: "typing", Who: "alice@example.net"},
		{Kind: "other", Who: "alice@example.net"},
		{Kind: "invite", Who: "alice@example.net"},
		{Kind: "opened", Who: "bob@example.net"},
		{Kind: "text", Who: "bob@example.net", Text: "hi both"},
		{Kind: "closed"},
	} {
		sc.next(t, e)
	}
	// Whoever writes to a board without anybody in it is told so.
	sc.cool.Write(sc.cool.Board(), "too late")
	sc.next(t, msnptest.Event{Kind: "failed", Text: "sb: nobody connected in the board"})
}

const text70 = "MSG 5 %s 70\n    MIME-Version: 1.0\n    Content-Type: text/plain; charset=UTF-8\n    (empty)\n    hi there|\n"

// A guest that cannot store a message makes it a NAK (msnp.md 12.3).
func TestGuestRefuses(t *testing.T) {
	sc := start(t, server.Options{}, "AB")
	sc.cool.Refuse = true
	sc.r.Board("a", "A", "alice@example.net")
	sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat")
	for letter, answer := range map[string]string{"U": "", "S": "", "N": "Sa> NAK 5\n", "A": "Sa> NAK 5\n"} {
		sc.r.Do(fmt.Sprintf("Ca> "+text70, letter) + answer + "Sa> [quiet]")
	}
	// Bob gets it, the guest does not: that is one too few.
	sc.r.Do("Ca> CAL 3 bob@example.net\nSa> CAL 3 RINGING {id}\nSB> RNG {id} * CKI {k} alice@example.net Alice\n" +
		"Cb> ANS 1 bob@example.net {k} {id}\nSb> IRO 1 1 2 * *\nSb> IRO 1 2 2 * *\nSb> ANS 1 OK\nSa> JOI bob@example.net Bob%20Smith\n" +
		fmt.Sprintf("Ca> "+text70, "A") + "Sa> NAK 5\nSb> MSG alice@example.net Alice 70\n    *")
}

// A guest that panics ends the writer's connection and nothing else.
func TestGuestPanics(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	sc.cool.Panics = true
	sc.r.Board("a", "A", "alice@example.net")
	sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat\n" +
		fmt.Sprintf("Ca> "+text70, "A") + "Sa> [closed]\nSA> [quiet]")
	sc.next(t, msnptest.Event{Kind: "opened", Who: "alice@example.net"})
	sc.next(t, msnptest.Event{Kind: "closed"})
	if n := sc.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

// A friend writes first: held text is the first thing after ANS OK, and the
// friend learns when it was written (msnp.md 19.6).
func TestFriendWritesFirst(t *testing.T) {
	bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
		if _, err := sc.cool.Ring(sc.alice, "are you there?", "hello?"); err != nil {
			t.Fatal(err)
		}
		sc.r.Do("SA> RNG {id} 192.0.2.1:1863 CKI {k} coolcat@discord.com coolcat\n" +
			"Ca> ANS 1 alice@example.net {k} {id}\n" +
			"Sa> IRO 1 1 1 coolcat@discord.com coolcat\nSa> ANS 1 OK\n" +
			"Sa> MSG coolcat@discord.com coolcat 126\n" +
			"    MIME-Version: 1.0\n    Content-Type: text/plain; charset=UTF-8\n" +
			"    X-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=0; PF=0\n    (empty)\n    are you there?|\n" +
			"Sa> MSG coolcat@discord.com coolcat 118\n    *")
		synctest.Wait()
		sc.r.Do(fmt.Sprintf("Ca> "+text70, "A") + "Sa> ACK 5")
		sc.next(t, msnptest.Event{Kind: "opened", Who: "alice@example.net"})
		sc.next(t, msnptest.Event{Kind: "delivered", Text: "are you there?"})
		sc.next(t, msnptest.Event{Kind: "delivered", Text: "hello?"})
		sc.next(t, msnptest.Event{Kind: "text", Who: "alice@example.net", Text: "hi there"})
		// idle clean-up
		start := time.Now()
		sc.r.Patience = time.Hour
		sc.r.Do("Sa> BYE coolcat@discord.com 1\nSa> [closed]")
		if d := time.Since(start); d != 15*time.Minute {
			t.Errorf("idle clean-up after %v", d)
		}
		sc.next(t, msnptest.Event{Kind: "closed"})
	})
}

// A ring that nobody answers ends: the cookie is dead and the friend is told.
func TestUnansweredInvitation(t *testing.T) {
	bubble(t, server.Options{}, "A", func(t *testing.T, sc *scene) {
		r, err := sc.cool.Ring(sc.alice, "hello?")
		if err != nil {
			t.Fatal(err)
		}
		sc.r.Do("SA> RNG * * CKI * coolcat@discord.com coolcat")
		start := time.Now()
		e := <-sc.cool.Events()
		if d := time.Since(start); e.Kind != "closed" || d != 120*time.Second {
			t.Errorf("%+v after %v", e, d)
		}
		sc.r.Do(fmt.Sprintf("Ca> ANS 1 alice@example.net %s %d\nSa> 911 1\nSa> [closed]",
			r.Cookie, r.Session))
	})
}

// The session that was rung ends: so does the ring, at once.
func TestInvitationOfSessionThatEnds(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	if _, err := sc.cool.Ring(sc.alice); err != nil {
		t.Fatal(err)
	}
	sc.r.Do("SA> RNG * * CKI * coolcat@discord.com coolcat\nCA> OUT\nSA> [closed]")
	sc.next(t, msnptest.Event{Kind: "closed"})
}

// A friend that goes is a BYE and leaves a spare board.
func TestGuestLeaves(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	sc.r.Board("a", "A", "alice@example.net")
	sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING {id}\nSa> JOI coolcat@discord.com coolcat")
	b := sc.cool.Board()
	b.Leave(sc.Backend.AddFriend("other@discord.com", "other")) // not inside: nothing
	b.Leave(sc.cool)
	b.Leave(sc.cool) // twice: nothing
	sc.r.Do("Sa> BYE coolcat@discord.com\nSa> [quiet]\n" + fmt.Sprintf("Ca> "+text70, "A") + "Sa> NAK 5\n" +
		"Ca> CAL 6 coolcat@discord.com\nSa> CAL 6 RINGING {id}\nSa> JOI coolcat@discord.com coolcat")
	if fmt.Sprint(b.ID()) != sc.r.Vars["id"] {
		t.Errorf("board %d, clients know it as %s", b.ID(), sc.r.Vars["id"])
	}
}

// Deliver refuses what no client may get (msnp.md 2.4).
func TestDeliverBounds(t *testing.T) {
	sc := start(t, server.Options{}, "A")
	sc.r.Board("a", "A", "alice@example.net")
	sc.r.Do("Ca> CAL 2 coolcat@discord.com\nSa> CAL 2 RINGING *\nSa> JOI coolcat@discord.com coolcat")
	b := sc.cool.Board()
	for n, want := range map[int]string{
		0: "sb: empty message", 1: "<nil>", wire.MaxPayload: "<nil>", wire.MaxPayload + 1: "sb: message too long",
	} {
		done := make(chan error, 1)
		b.Deliver(server.Person{Address: "room@example.net"}, make([]byte, n), func(err error) { done <- err })
		if err := <-done; fmt.Sprint(err) != want {
			t.Errorf("%d bytes: %v, want %s", n, err, want)
		}
		if want == "<nil>" {
			sc.r.Do(fmt.Sprintf("Sa> MSG room@example.net room@example.net %d\n    *", n))
		}
	}
}
