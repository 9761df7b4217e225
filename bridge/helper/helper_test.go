package helper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// TestManual: docs/helper.md has every word.
func TestManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/helper.md")
	if err != nil {
		t.Fatal(err)
	}
	for word := range words() {
		if said := regexp.MustCompile("(`|\\| )" + regexp.QuoteMeta(word) + "(`| )"); !said.Match(manual) {
			t.Errorf("it does not say what %s does", word)
		}
	}
}

func TestHelp(t *testing.T) {
	r := newRig(t)
	menu := "Type a word or its number:\n1 add, 2 who, 3 join, 4 mute, 5 find,\n6 status, 7 whoami, 8 settings, 9 more"
	r.talk(
		"help", menu, " HELP ", menu, "/help", menu, "0", menu, "?", menu,
		"hi", "Hello! Type help to see what I can do.",
		"1", "To add a friend, type add and the address:\ncarol@webtv.local",
		"1.", "To add a friend, type add and the address:\ncarol@webtv.local",
		"join", "To join a room, type join and its address, such\nas: join #retro@matrix.org",
		"4", "To mute somebody, type mute and the name. They do\nnot learn of it. To undo it: unmute and the name.",
		"5", "To find somebody, type find and a name.",
		"6", "Loopback is up.",
		"7", "You are Alice here: alice@webtv.local",
		"8", "Who may write to you: everyone but those you\nmuted.",
		"set emoji words", "There is nothing to set here yet.",
		"9", "There is nothing more. All messages were shown.",
		"sing", "I only know a few words. Type help to see them.",
	)
}

// TestAddHow: the examples are of the networks that there are.
func TestAddHow(t *testing.T) {
	for _, c := range []struct {
		examples []string
		want     string
	}{
		{[]string{"bob@matrix.org"}, "carol@webtv.local\nor bob@matrix.org"},
		{[]string{"coolcat@dc.example", "bob@matrix.org"}, "coolcat@dc.example\nor bob@matrix.org"},
	} {
		r := newRig(t, func(o *Options) { o.Examples = c.examples })
		r.talk("add", "To add a friend, type add and the address:\n"+c.want)
	}
	r := newRig(t, func(o *Options) { o.Room = "#general.fans@dc.example" })
	r.talk("3", "To join a room, type join and its address, such\nas: join #general.fans@dc.example",
		"join general", "A room's address begins with #, such as: join\n#general.fans@dc.example")
}

func TestAddAndWho(t *testing.T) {
	r := newRig(t)
	r.talk(
		"who", "Your list is empty. Type add to put somebody on\nit.",
		"add echo@loopback.example", "echo@loopback.example is on your list now. You can\nwrite at once.",
		"ADD Echo@Loopback.example", "echo@loopback.example is on your list already.",
		"add @echo:loopback.example", "echo@loopback.example is on your list already.",
		"add carol@webtv.local", "carol@webtv.local is on your list now. You can\nwrite at once.",
		"add alice@webtv.local", "That is your own address.",
		"add bob", "An address looks like bob@example.org.",
		"add bob@nowhere.example", "Nobody here can reach that address. Please check\nthe part after the @.",
		"add bob@loopback.example", "This does not work: there is no such account or\nperson: the only friend here is\necho@loopback.example.",
		"join retro", "A room's address begins with #, such as: join\n#retro@matrix.org",
		"who", "On: echo\nOff: Carol",
		"find aro", "Carol: carol@webtv.local, not there",
		"find o", "Carol: carol@webtv.local, not there\n--\necho@loopback.example: there",
		"find Nobody", "I know nobody called Nobody. A friend elsewhere\nhas to tell you the address.",
	)
	if got := r.lists(echo); got != bridge.ForwardList|bridge.AllowList {
		t.Errorf("echo is on %d", got)
	}
	c, _, err := r.st.Contact(t.Context(), carol, alice.Address())
	if err != nil || c.Lists != bridge.ReverseList {
		t.Errorf("alice is on carol's %d, %v", c.Lists, err)
	}
}

// TestFindAnAccount: by the whole part before the @, not by leafing through.
func TestFindAnAccount(t *testing.T) {
	r := newRig(t)
	r.talk("find carol", "Carol: carol@webtv.local, not there", "find caro", "I know nobody called caro. A friend elsewhere has\nto tell you the address.")
}

func TestMute(t *testing.T) {
	r := newRig(t)
	r.welcome()
	r.talk(
		"add carol@webtv.local", "carol@webtv.local is on your list now. You can\nwrite at once.",
		"mute dora", "Nobody on your list is called dora. The whole\naddress works too.",
		"mute carol", "Carol is muted. Nothing of theirs comes through.",
		"mute carol", "Carol is muted. Nothing of theirs comes through.",
	)
	if got := r.lists(carol.Address()); got != bridge.ForwardList|bridge.BlockList {
		t.Errorf("carol is on %d", got)
	}
	r.talk("unmute Carol", "Carol can write to you again.", "unmute carol", "Carol is not muted.",
		"mute helper", "I am always here. Take me off your list to have\npeace.",
		"mute echo@loopback.example", "echo@loopback.example is muted. Nothing of theirs\ncomes through.",
		"add echo@loopback.example", "You muted them. Type unmute and the name first.")
	if got := r.lists(carol.Address()); got != bridge.ForwardList|bridge.AllowList {
		t.Errorf("carol is on %d", got)
	}
	if got := r.lists(echo); got != bridge.BlockList {
		t.Errorf("echo is on %d", got)
	}
}

// TestThroughTheCore: what is written to the helper is stored, answered and rung
// like a message to a friend.
func TestThroughTheCore(t *testing.T) {
	r := newRig(t)
	r.welcome()
	r.inbox(me)
	r.hub.Sit(alice, r.seat)
	if err := r.hub.Say(t.Context(), id.Conversation{Account: alice, Peer: me}, text.Content{Body: "7"}); err != nil {
		t.Fatal(err)
	}
	if p := <-r.seat.rung; p != me {
		t.Errorf("rung by %s", p)
	}
	if got := r.inbox(me); !slices.Equal(got, []string{"You are Alice here: alice@webtv.local"}) {
		t.Errorf("answered %q", got)
	}
}

// TestAnswersOnce: a message that is sent again, since the outcome of the first try
// was lost, is not answered twice.
func TestAnswersOnce(t *testing.T) {
	r := newRig(t)
	r.inbox(me)
	r.hub.Sit(alice, r.seat)
	m := bridge.Outbound{ID: "m-1", From: bridge.Account{Address: alice, Name: "Alice"}, To: self, Text: text.Content{Body: "hello"}}
	for range 3 {
		if receipt, err := r.n.Send(t.Context(), m); err != nil || receipt.Event != "said/m-1" {
			t.Errorf("%+v, %v", receipt, err)
		}
	}
	if got := r.inbox(me); len(got) != 1 {
		t.Errorf("answered %q", got)
	}
}

// TestMore brings back what was set aside, in order and with nothing lost.
func TestMore(t *testing.T) {
	r := newRig(t)
	r.welcome()
	r.inbox(me)
	const total = 60
	key := id.Conversation{Account: carol, Peer: alice.Address()}
	for i := range total {
		if err := r.hub.Say(t.Context(), key, text.Content{Body: fmt.Sprint("line ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.hub.Fold(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	var want []string
	add := func(from, to int) {
		for i := from; i < to; i++ {
			want = append(want, fmt.Sprint("line ", i))
		}
	}
	check := func() {
		t.Helper()
		if got := r.inbox(carol.Address()); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		want = nil
	}
	add(0, 3)
	want = append(want, "(47 messages more. To read them, tell Helper: more\ncarol)")
	add(50, 60)
	check()
	r.talk("more", "20 messages come now, in the conversation with\ncarol. 27 are left.")
	add(3, 23)
	check()
	r.talk("more dora", "There is nothing more. All messages were shown.",
		"more CAROL", "20 messages come now, in the conversation with\ncarol. 7 are left.",
		"9", "7 messages come now, in the conversation with\ncarol.", "9", "There is nothing more. All messages were shown.")
	add(23, 50)
	check()
}

// TestShortConversationsAreNotFolded.
func TestShortConversationsAreNotFolded(t *testing.T) {
	r := newRig(t)
	for i := range 20 {
		if err := r.hub.Say(t.Context(), id.Conversation{Account: carol, Peer: alice.Address()}, text.Content{Body: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.hub.Fold(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	if got := r.inbox(carol.Address()); len(got) != 20 {
		t.Errorf("%q", got)
	}
}

// TestNoFoldWithoutTheHelper: who has taken it off the list, or blocks it, could not
// ask for what was set aside.
func TestNoFoldWithoutTheHelper(t *testing.T) {
	for _, lists := range []uint8{0, bridge.ForwardList | bridge.BlockList} {
		r := newRig(t)
		if _, _, err := r.hub.RemoveContact(t.Context(), alice, me, bridge.ForwardList|bridge.AllowList, nil); err != nil {
			t.Fatal(err)
		}
		if lists != 0 {
			if _, _, err := r.hub.AddContact(t.Context(), alice, me, "", lists, nil); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 60 {
			if err := r.hub.Say(t.Context(), id.Conversation{Account: carol, Peer: alice.Address()}, text.Content{Body: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.hub.Fold(t.Context(), alice); err != nil {
			t.Fatal(err)
		}
		if got := r.inbox(carol.Address()); len(got) != 60 {
			t.Errorf("on lists %d: %d messages", lists, len(got))
		}
	}
}

// switches are settings for a test.
type switches map[string]string

func (s switches) Settings(_ context.Context, _ id.Account) ([]Setting, error) {
	return []Setting{{"emoji", s["emoji"]}, {"links", s["links"]}}, nil
}

func (s switches) Set(_ context.Context, _ id.Account, key, value string) error {
	if _, ok := s[key]; !ok {
		return errors.New("there is no such setting")
	}
	s[key] = value
	return nil
}

func TestSettings(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Settings = switches{"emoji": "auto", "links": "whole"} })
	if _, err := r.hub.SetPrivacy(t.Context(), alice, "BL"); err != nil {
		t.Fatal(err)
	}
	r.talk(
		"set emoji", "To change one, type set, the word and the value.",
		"set colour red", "This does not work: there is no such setting.",
		"Set Emoji Words", "Done: emoji is words.",
		"settings", "Who may write to you: only people you allowed.\n--\nemoji=words links=whole\n--\nTo change one, type set, the word and the value.",
	)
}

func TestPace(t *testing.T) {
	p := pace{accounts: make(map[id.Account]*visit)}
	at := time.Unix(0, 0)
	for i, want := range []verdict{speak, speak, quiet, silent, silent} {
		if got := p.verdict(alice, false, at); got != want {
			t.Errorf("unknown text %d: %v, want %v", i, got, want)
		}
	}
	if got := p.verdict(alice, true, at); got != speak {
		t.Errorf("a command after silence: %v", got)
	}
	for range maxAnswers - 6 {
		p.verdict(alice, true, at)
	}
	for i, want := range []verdict{slow, silent} {
		if got := p.verdict(alice, true, at); got != want {
			t.Errorf("command %d too many: %v, want %v", i, got, want)
		}
	}
	if got := p.verdict(carol, true, at); got != speak {
		t.Errorf("another account: %v", got)
	}
	if got := p.verdict(alice, true, at.Add(window)); got != speak {
		t.Errorf("a minute later: %v", got)
	}
	for i := range 5 * maxVisits {
		p.verdict(id.Account(fmt.Sprint(i)), true, at)
	}
	if len(p.accounts) > 2*maxVisits {
		t.Errorf("%d accounts are remembered", len(p.accounts))
	}
}

// TestAnEchoEnds: a client that answers each message with one of its own is not
// talked with for ever.
func TestAnEchoEnds(t *testing.T) {
	r := newRig(t)
	a, said := bridge.Account{Address: alice, Name: "Alice"}, []string{"help"}
	for i := 0; len(said) > 0; i++ {
		if i > maxUnknown+1 {
			t.Fatalf("still talking: %q", said)
		}
		var next []string
		for _, s := range said {
			answer, err := r.n.answer(t.Context(), a, s)
			if err != nil {
				t.Fatal(err)
			}
			next = append(next, answer...)
		}
		said = next
	}
}
