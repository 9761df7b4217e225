package bridge

import (
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// edit is Bob's correction of a message of his.
func edit(event, of, body string) MessageEvent {
	m := message(event, "")
	m.Text, m.Replaces = text.FromMatrix(text.MatrixMessage{Type: "m.text", Body: body, Edit: true}), id.Event(of)
	return m
}

func reply(event, to, body string) MessageEvent {
	m := message(event, body)
	m.Answers = id.Event(to)
	return m
}

func react(event, to, emoji string) ReactionEvent {
	return ReactionEvent{Event: id.Event(event), Account: alice, From: "bob", Name: "Bob", To: id.Event(to), Emoji: emoji, Time: time.Now()}
}

func remove(event, of string) DeletionEvent {
	return DeletionEvent{Event: id.Event(event), Account: alice, From: "bob", Name: "Bob", Of: id.Event(of), Time: time.Now()}
}

// shows marks all that waits as written to the box, as far as it still is what was
// read.
func (r *rig) shows() []store.Incoming {
	r.t.Helper()
	rows, err := r.st.PendingIncoming(r.t.Context(), alice, 0, 1000)
	if err == nil {
		err = r.hub.Delivered(r.t.Context(), rows)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

// said has alice write, and gives the event that Bob's server made of it.
func (r *rig) said(body string) string {
	r.t.Helper()
	r.say(body)
	e := "$" + string(r.next(kindMessage).ID)
	for row, err := range func(yield func(store.Outgoing, error) bool) {
		for n := int64(1); ; n++ { // until the worker has stored the outcome
			o, err := r.st.Outgoing(r.t.Context(), n)
			if err == nil && o.State == store.Pending {
				n--
				continue
			}
			if !yield(o, err) || string(o.Event) == e {
				return
			}
		}
	} {
		if err != nil {
			r.t.Fatal(err)
		}
		_ = row
	}
	return e
}

const from = string(bob) + ": "

func TestReplies(t *testing.T) {
	r := newRig(t)
	r.run()
	mine := r.said("shall we meet at eight or rather later in the evening?")
	r.receive(message("$1", "see you at 5\nor 6"))
	for _, e := range []MessageEvent{reply("$2", mine, "at eight"), reply("$3", "$1", "I mean 5"), reply("$4", "$3", "sure"), reply("$5", "$none", "what?")} {
		r.receive(e)
	}
	equal(t, r.inbox(alice), []string{from + "see you at 5\nor 6", from + `(re you: "shall we meet at eight or rather later...") at eight`,
		from + `(re Bob: "see you at 5...") I mean 5`, from + `(re Bob: "I mean 5") sure`, from + "what?"})
}

func TestCorrections(t *testing.T) {
	r := newRig(t)
	r.run()
	mine := r.said("hello")
	r.receive(message("$1", "tomatoe"))
	r.receive(reply("$2", mine, "helo"))
	r.receive(edit("$3", "$1", "tomato"))
	r.receive(edit("$4", "$2", "hello too"))
	r.receive(edit("$5", mine, "I never said that")) // it is not Bob's
	equal(t, r.inbox(alice), []string{from + "tomato", from + `(re you: "hello") hello too`})
	r.shows()
	r.receive(edit("$6", "$1", "tomato")) // says the same
	r.receive(edit("$7", "$1", "tomatoes"))
	r.receive(edit("$7", "$1", "tomatoes")) // a repeat
	r.receive(edit("$8", "$unknown", "potato"))
	r.receive(reply("$9", "$1", "those")) // quotes what it says now
	equal(t, r.inbox(alice), []string{from + "(edited) tomatoes", from + "(edited) potato", from + `(re Bob: "tomatoes") those`})
}

// TestCorrectedOnTheWay: a row that was on its way to the box when it changed is
// told once more.
func TestCorrectedOnTheWay(t *testing.T) {
	r := newRig(t)
	r.run()
	mine := r.said("hello")
	for _, e := range []Event{message("$1", "one"), message("$2", "two"), message("$3", "three"), react("$r", mine, "👍")} {
		r.receive(e)
	}
	flying, err := r.st.PendingIncoming(t.Context(), alice, 0, 1000)
	if err != nil || len(flying) != 4 {
		t.Fatalf("%d rows, %v", len(flying), err)
	}
	seat := newSeat()
	r.hub.Sit(alice, seat)
	for _, e := range []Event{edit("$4", "$1", "won"), remove("$5", "$2"), react("$s", mine, "🎉")} {
		r.receive(e)
	}
	for range 2 { // the second is a repeat
		if err := r.hub.Delivered(t.Context(), flying); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, r.inbox(alice), []string{from + "(edited) won", from + `(deleted: "two")`, from + `(Bob reacted 👍 🎉 to "hello")`})
	if n := len(seat.waiting); n != 3 {
		t.Errorf("rung %d times", n)
	}
	r.shows()
	equal(t, r.inbox(alice), []string{})
}

func TestDeletions(t *testing.T) {
	r := newRig(t)
	r.run()
	r.receive(message("$1", "shown"))
	r.receive(reply("$2", "$1", "shown too"))
	r.shows()
	r.receive(message("$3", "waits"))
	for _, e := range []DeletionEvent{remove("$4", "$3"), remove("$5", "$2"), remove("$6", "$1"), remove("$7", "$1"), remove("$8", "$none"), remove("$9", "$6")} {
		r.receive(e)
	}
	rows, err := r.st.PendingIncoming(t.Context(), alice, 0, 10)
	if err != nil || len(rows) != 2 || rows[0].Kind != KindAside || rows[0].Name != "Bob" {
		t.Fatalf("%+v, %v", rows, err)
	}
	equal(t, r.inbox(alice), []string{from + `(deleted: "shown too")`, from + `(deleted: "shown")`})
	r.receive(reply("$10", "$1", "hm"))                 // does not bring it back
	r.receive(edit("$11", "$3", "what was taken back")) // nor does this
	if got := r.inbox(alice); len(got) != 3 || got[2] != from+"(re Bob) hm" {
		t.Errorf("%q", got)
	}
}

func TestReactions(t *testing.T) {
	r := newRig(t)
	r.run()
	mine, other := r.said("see you at 5"), r.said("bring cake")
	r.receive(message("$1", "yes"))
	for _, e := range []Event{react("$2", mine, "🙂"), react("$3", mine, "👍"), react("$3", mine, "👍"), react("$4", other, "🎂"), react("$5", "$1", "👎"), react("$6", mine, "")} {
		r.receive(e)
	}
	equal(t, r.inbox(alice), []string{from + "yes", from + `(Bob reacted 🙂 👍 to "see you at 5")`, from + `(Bob reacted 🎂 to "bring cake")`})
	r.receive(remove("$7", "$2"))
	r.receive(remove("$8", "$4"))
	equal(t, r.inbox(alice), []string{from + "yes", from + `(Bob reacted 👍 to "see you at 5")`})
	r.shows()
	r.receive(remove("$9", "$3")) // too late to matter
	r.receive(react("$10", mine, "❤"))
	equal(t, r.inbox(alice), []string{from + `(Bob reacted ❤ to "see you at 5")`})
	if _, _, err := r.hub.AddContact(t.Context(), alice, bob, "", listBlock, nil); err != nil {
		t.Fatal(err)
	}
	r.receive(react("$11", mine, "😡"))
	equal(t, r.inbox(alice), []string{from + `(Bob reacted ❤ to "see you at 5")`})
}
