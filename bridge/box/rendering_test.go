package box

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// linkBook makes links that say what they were made of.
type linkBook struct {
	mu    sync.Mutex
	asked []string
}

func (l *linkBook) Link(_ context.Context, a id.Account, n id.Network, f text.Attachment, reached netip.Addr) (string, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, strings.Join([]string{string(a), string(n), f.Ref, reached.String()}, " "))
	switch f.Ref {
	case "heic":
		return "", "HEIC cannot be shown here", nil
	case "broken":
		return "", "", errors.New("no disk")
	}
	return "http://" + reached.String() + "/p/" + f.Ref, "", nil
}

// sends has bob send a message of his to alice.
func (r *rig) sends(event string, c text.Content) {
	r.t.Helper()
	r.receive(bridge.MessageEvent{Event: id.Event(event), Account: acct("alice"), From: "bob", Name: "Bob", Text: c, Time: time.Now()})
}

// image is bob's picture.
func image(ref, caption string) text.Content {
	return text.FromMatrix(text.MatrixMessage{Type: "m.image", Body: "cat.jpg", FileName: "cat.jpg", Ref: ref, Caption: caption})
}

func TestPicturesHaveLinks(t *testing.T) {
	links := &linkBook{}
	r := newRig(t, func(o *Options) { o.Pictures = links })
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	for _, tt := range []struct{ ref, caption, want string }{
		{"x7kq", "", "[picture: cat.jpg http://127.0.0.1/p/x7kq]"},
		{"x7kq", "look!", "[picture: cat.jpg http://127.0.0.1/p/x7kq] look!"},
		{"heic", "", "[picture: cat.jpg, HEIC cannot be shown here]"},
		{"broken", "", "[picture: cat.jpg]"},
		{"", "", "[picture: cat.jpg]"},
	} {
		r.sends("$"+tt.want+tt.ref, image(tt.ref, tt.caption))
		talk.reads(tt.want)
	}
	links.mu.Lock()
	defer links.mu.Unlock()
	if len(links.asked) != 4 || links.asked[0] != "alice@webtv.local test x7kq 127.0.0.1" {
		t.Errorf("asked for %q", links.asked)
	}
}

func TestNoLinksWithoutAGallery(t *testing.T) {
	r := newRig(t)
	talk := r.online("alice", wire.MSNP8).open(bob)
	r.sends("$1", image("x7kq", ""))
	talk.reads("[picture: cat.jpg]")
}

// TestNamesInTheBoxesLetters: wherever a box is told a name it is one that it can
// show; a PC gets the name itself.
func TestNamesInTheBoxesLetters(t *testing.T) {
	r := newRig(t)
	const name, shown = "Боб 🦄 ✨Ćwik✨", "Bob Cwik"
	for _, a := range []string{"alice", "carol"} {
		if _, _, err := r.hub.AddContact(t.Context(), acct(a), bob, name, store.ForwardList|store.AllowList, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.hub.SetPassword(t.Context(), acct("carol"), "secret", true); err != nil {
		t.Fatal(err)
	}
	b := r.signIn("alice", wire.MSNP8)
	pc := r.signInAs(msnp.Options{Address: "carol@webtv.local", Credential: msnp.Password("secret"), Dialects: []wire.Dialect{wire.MSNP7}})
	for who, tt := range map[*box]string{b: shown, pc: name} {
		if c, ok := who.roster.Find(bob); !ok || c.Name != tt {
			t.Errorf("LST %q, want %q", c.Name, tt)
		}
		who.status(wire.Online)
	}
	r.becomes("bob", bridge.PresenceOnline)
	for who, tt := range map[*box]string{b: shown, pc: name} {
		if p := next[msnp.Presence](t, who.Events()); p.Name != tt {
			t.Errorf("NLN %q, want %q", p.Name, tt)
		}
	}
	r.receive(bridge.MessageEvent{Event: "$1", Account: acct("alice"), From: "bob", Name: name, Text: text.Content{Body: "привет"}, Time: time.Now()})
	talk := b.answer(bob)
	if j := next[msnp.Joined](t, talk.Events()); j.Name != shown {
		t.Errorf("IRO %q", j.Name)
	}
	if m := talk.reads("privet"); m.From.Name != shown {
		t.Errorf("MSG from %q", m.From.Name)
	}
}

// TestSettingsAreFeltAtOnce: the next message to a signed-in box is shown as its
// owner chose a moment ago.
func TestSettingsAreFeltAtOnce(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	set := func(key, value string) {
		t.Helper()
		if err := r.hub.SetSettings(t.Context(), acct("alice"), func(s *bridge.Settings) error { return s.Set(key, value) }); err != nil {
			t.Fatal(err)
		}
	}
	r.writes("alice", "pizza 🍕 ok")
	talk.reads("pizza :pizza: ok")
	set("emoji", "dropped")
	r.writes("alice", "pizza 🍕 ok")
	talk.reads("pizza  ok")
	set("lines", "2")
	r.writes("alice", "a\nb\nc\nd")
	talk.reads("a\nb\n(2 more lines)")
	set("piece", "100")
	long := strings.Repeat("word ", 30)
	r.writes("alice", long)
	talk.reads(strings.Repeat("word ", 19) + "...")
	talk.reads(strings.Repeat("word ", 10) + "word")
	set("edits", "off")
	set("lines", "all")
	r.receive(bridge.MessageEvent{Event: "$e", Account: acct("alice"), From: "bob", Name: "Bob", Replaces: "$1",
		Text: text.FromMatrix(text.MatrixMessage{Type: "m.text", Body: "hidden", Edit: true}), Time: time.Now()})
	r.writes("alice", "after")
	talk.reads("after")
}

// TestAsidesWaitForAConversation: nobody is called to the TV for a reaction, nor
// for what they do not want to see; in a conversation they come, folded.
func TestAsidesWaitForAConversation(t *testing.T) {
	r := newRig(t)
	r.gw.foldFor = 300 * time.Millisecond
	b := r.online("alice", wire.MSNP8)
	talk := b.open(bob)
	talk.say("see you at 5")
	rows := r.sentEvents()
	react := func(event, emoji string) {
		r.receive(bridge.ReactionEvent{Event: id.Event(event), Account: acct("alice"), From: "bob", Name: "Bob", To: rows[0], Emoji: emoji, Time: time.Now()})
	}
	react("$r1", "🙂")
	react("$r2", "❤")
	talk.reads(`(Bob reacted :) <3 to "see you at 5")`)
	r.noted("alice") // or the next joins them
	if err := talk.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	react("$r3", "👍")
	if err := r.hub.SetSettings(t.Context(), acct("alice"), func(s *bridge.Settings) error { return s.Set("edits", "off") }); err != nil {
		t.Fatal(err)
	}
	r.sends("$edit", text.FromMatrix(text.MatrixMessage{Type: "m.text", Body: "hidden", Edit: true}))
	none[msnp.Ringing](b)
	talk = b.open(bob)
	talk.reads(`(Bob reacted :thumbsup: to "see you at 5")`)
}

// noted waits until what an account's box was shown is stored as delivered.
func (r *rig) noted(name string) {
	r.t.Helper()
	for until := time.Now().Add(patience); r.gw.ledger.busy(acct(name)); runtime.Gosched() {
		if time.Now().After(until) {
			r.t.Fatal("what the box was shown is not noted")
		}
	}
}

// sentEvents are the networks' ids of what accounts wrote.
func (r *rig) sentEvents() (all []id.Event) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); len(all) == 0 && time.Now().Before(deadline); {
		rows, err := r.st.DB().QueryContext(r.t.Context(), `SELECT event FROM outbox WHERE event <> '' ORDER BY id`)
		if err != nil {
			r.t.Fatal(err)
		}
		for rows.Next() {
			var e id.Event
			if err := rows.Scan(&e); err != nil {
				r.t.Fatal(err)
			}
			all = append(all, e)
		}
		if err := rows.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
	return all
}

func TestUnshownCharactersAreCounted(t *testing.T) {
	r := newRig(t)
	talk := r.online("alice", wire.MSNP8).open(bob)
	r.writes("alice", "a\u16A0\u2A6Fb \U0001FAFF")
	talk.reads("af?b ?")
	r.log.says(t, "characters that the client cannot show")
	if n := r.gw.Unshown(); n != 2 {
		t.Errorf("%d characters counted", n)
	}
}

func TestKindOfClient(t *testing.T) {
	for _, tt := range []struct {
		cvr   server.CVR
		byBox bool
		want  text.Client
	}{
		{server.CVR{OS: "webtv", Library: "msntvim", Version: "2.8", Client: "msntv"}, false, text.FirstGeneration},
		{server.CVR{Client: "msntv"}, false, text.FirstGeneration},
		{server.CVR{Client: "msntv", Version: "2.8"}, false, text.FirstGeneration},
		{server.CVR{OS: "wince", Library: "MSMSGS", Version: "4.6", Client: "msmsgs"}, false, text.MSNTV2},
		{server.CVR{OS: "Windows CE", Client: "msntv"}, false, text.MSNTV2},
		{server.CVR{OS: "winnt", Client: "MSNTV2", Version: "1.0"}, false, text.MSNTV2},
		{server.CVR{OS: "winnt", Client: "msntv", Version: "5.1"}, false, text.MSNTV2},
		{server.CVR{OS: "winnt", Client: "msntv", Version: "5.1"}, true, text.FirstGeneration}, // it came through messengerlogin
		{server.CVR{OS: "winnt", Library: "MSMSGS", Version: "6.0", Client: "msmsgs"}, false, text.PC},
		{server.CVR{}, false, text.PC},
	} {
		a := &account{client: server.Client{Dialect: wire.MSNP8, CVR: tt.cvr}, byBox: tt.byBox}
		a.plain.Store(a.isBox())
		if got := a.kind(); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.cvr, got, tt.want)
		}
	}
}
