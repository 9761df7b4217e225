package helper

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// checkFit wants an answer that a TV can show: few and short messages of short lines
// in Latin-1, and nothing that the helper itself would take for a command.
func checkFit(t *testing.T, asked string, said []string) {
	t.Helper()
	if len(said) > maxMessages {
		t.Errorf("%q: %d messages", asked, len(said))
	}
	for _, s := range said {
		lines := strings.Split(s, "\n")
		if s == "" || len(lines) > messageRows {
			t.Errorf("%q: a message of %d lines: %q", asked, len(lines), s)
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > lineChars || n == 0 {
				t.Errorf("%q: a line of %d characters: %q", asked, n, line)
			}
			for _, c := range line {
				if c < ' ' || c > 0xFF || c >= 0x7F && c < 0xA0 {
					t.Errorf("%q: %U in %q", asked, c, line)
				}
			}
		}
		if v, _ := parse(s); v != unknown {
			t.Errorf("%q: the answer %q is a command", asked, s)
		}
	}
}

// fakeCore is a core whose people have the worst names.
type fakeCore struct{ name string }

func (f fakeCore) Roster(context.Context, id.Account) (bridge.Roster, error) {
	return bridge.Roster{Privacy: "BL", Contacts: []bridge.Contact{
		{Address: "bob@example.org", Name: f.name, Lists: 3}, {Address: "bob@example.net", Name: "Боб", Lists: 11},
		{Address: id.Address(strings.Repeat("x", 100) + "@example.com"), Name: strings.Repeat(f.name, 20), Lists: 7},
	}}, nil
}
func (f fakeCore) AccountInfo(context.Context, id.Account) (bridge.AccountInfo, error) {
	return bridge.AccountInfo{Name: f.name}, nil
}
func (f fakeCore) AddContact(_ context.Context, _ id.Account, p id.Address, _ string, _ uint8, _ bridge.Seat) (bridge.Contact, uint32, error) {
	if len(p)%2 == 0 {
		return bridge.Contact{}, 0, errors.Join(bridge.ErrNoSuchPerson, errors.New(f.name))
	}
	return bridge.Contact{Address: p}, 2, nil
}
func (f fakeCore) RemoveContact(_ context.Context, _ id.Account, p id.Address, _ uint8, _ bridge.Seat) (bridge.Contact, uint32, error) {
	return bridge.Contact{Address: p}, 3, nil
}
func (f fakeCore) Appearance(_ id.Account, p id.Address) bridge.Appearance {
	return bridge.Appearance{Presence: [...]bridge.Presence{bridge.PresenceBusy, bridge.PresenceOffline}[len(p)%2]}
}
func (f fakeCore) States() []bridge.NetworkState {
	return []bridge.NetworkState{{Name: "matrix", Text: f.name, Since: time.Unix(1e9, 0)}, {Name: "discord", Up: true}, {Name: "irc"}, {Name: "x"}}
}
func (f fakeCore) Portraits(bridge.Account) []bridge.Portrait {
	return []bridge.Portrait{{Network: "matrix", Name: "@webtv_" + f.name}}
}
func (f fakeCore) Kept(context.Context, id.Account) ([]bridge.Backlog, error) {
	return []bridge.Backlog{{Peer: "bob@example.org", Count: 5}, {Peer: "bob@example.net", Count: 5000}}, nil
}
func (f fakeCore) More(context.Context, id.Conversation, int) (int, int, error) { return 1, 4980, nil }

// FuzzAnswer: whatever is written to the helper and whatever people are called, the
// answer fits a TV.
func FuzzAnswer(f *testing.F) {
	for word := range words() {
		f.Add(word, "Bob")
		f.Add(word+" bob", "Łódź 👍 \u202e")
	}
	f.Add("add @bob:example.org", "a\nb")
	f.Add("more bob@example.org", strings.Repeat("long ", 50))
	f.Add("set emoji words", "\xff\x00")
	f.Add("find \xff", "")
	f.Fuzz(func(t *testing.T, asked, name string) {
		n := New(Options{Core: fakeCore{name}, Domain: "webtv.local", Settings: switches{"emoji": name, "links": name}})
		said, err := n.answer(t.Context(), bridge.Account{Address: alice, Name: name}, asked)
		if err != nil || len(said) == 0 {
			t.Errorf("%q: %q, %v", asked, said, err)
		}
		checkFit(t, asked, said)
		checkFit(t, "the greeting", []string{n.Greeting(bridge.Account{Address: alice, Name: name})})
		checkFit(t, "the fold", []string{n.Folded("bob@example.org", len(name)+1)})
		for _, again := range []bool{true, false} {
			checkFit(t, "a trouble", []string{n.Trouble(bridge.Trouble{Network: "matrix", Peer: "bob@example.org", Name: name, Again: again}),
				n.Trouble(bridge.Trouble{Network: "matrix", Peer: "bob@example.org", Name: name, Why: name, Again: again})})
		}
	})
}
