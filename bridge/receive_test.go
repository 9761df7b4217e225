package bridge

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

func message(event, body string) MessageEvent {
	return MessageEvent{Event: id.Event(event), Account: alice, From: "bob", Name: "Bob", Text: text.Content{Body: body}, Time: time.Now()}
}

func TestEventCountsOnce(t *testing.T) {
	r := newRig(t)
	r.run()
	seat := newSeat()
	r.hub.Sit(alice, seat)
	for _, e := range []MessageEvent{message("$1", "one"), message("$1", "one"), message("$2", "two"), message("$1", "changed")} {
		r.receive(e)
	}
	equal(t, r.inbox(alice), []string{"bob@fake.example: one", "bob@fake.example: two"})
	if n := len(seat.waiting); n != 2 {
		t.Errorf("the seat was rung %d times, want 2", n)
	}
	r.stop()
	r.close()
	again := openRig(t, r.dir, newFake()) // and after a restart
	again.run()
	again.receive(message("$2", "two"))
	equal(t, again.inbox(alice), []string{"bob@fake.example: one", "bob@fake.example: two"})
}

func TestStrangerComesOntoTheReverseList(t *testing.T) {
	r := newRig(t)
	r.run()
	seat := newSeat()
	r.hub.Sit(alice, seat)
	r.receive(message("$1", "hi"))
	r.receive(message("$2", "hi again"))
	if got := r.lists(alice, bob); got != listReverse {
		t.Errorf("lists %d, want the reverse list alone", got)
	}
	if n := len(seat.lists); n != 1 {
		t.Errorf("the seat was told of its lists %d times, want once", n)
	}
}

func TestPrivacy(t *testing.T) {
	for _, c := range []struct {
		name  string
		lists uint8
		mode  string
		want  bool
	}{
		{"open, unknown", 0, "AL", true},
		{"open, blocked", listBlock, "AL", false},
		{"open, blocked friend", listBlock | listForward, "AL", false},
		{"closed, unknown", 0, "BL", false},
		{"closed, friend not allowed", listForward, "BL", false},
		{"closed, allowed", listAllow, "BL", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.run()
			if err := r.st.Update(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.PutContact(alice, Contact{Address: bob, Name: "Bob", Lists: c.lists}); err != nil {
					return err
				}
				_, err := tx.SetPrivacy(alice, c.mode)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			r.receive(message("$1", "hi"))
			if got := len(r.inbox(alice)) == 1; got != c.want {
				t.Errorf("delivered: %v, want %v", got, c.want)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	ask := RequestEvent{Event: "$ask", Account: alice, From: "bob", Name: "Bob"}
	for _, c := range []struct {
		name   string
		lists  uint8
		answer string
		after  uint8
	}{
		{"stranger waits for the owner", 0, "", listReverse},
		{"friend is accepted", listForward, kindAccept, listForward | listReverse},
		{"allowed is accepted", listAllow, kindAccept, listAllow | listReverse},
		{"blocked is declined", listBlock, kindDecline, listBlock},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.run()
			if err := r.st.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.PutContact(alice, Contact{Address: bob, Name: "Bob", Lists: c.lists})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			r.receive(ask)
			r.receive(ask) // a repeat has no effect
			if c.answer != "" {
				if m := r.next(c.answer); m.To != "bob" || m.From.Address != alice {
					t.Errorf("answered %+v", m)
				}
			}
			if got := r.lists(alice, bob); got != c.after {
				t.Errorf("lists %d, want %d", got, c.after)
			}
			r.say("last")
			r.next(kindMessage) // nothing else was asked of the network before
		})
	}
}

func TestOwnersAnswerToARequest(t *testing.T) {
	r := newRig(t)
	r.run()
	r.receive(RequestEvent{Event: "$1", Account: alice, From: "bob", Name: "Bob"})
	r.receive(RequestEvent{Event: "$2", Account: alice, From: "eve", Name: "Eve"})
	add := func(peer id.Address, list uint8) {
		t.Helper()
		if _, _, err := r.hub.AddContact(t.Context(), alice, peer, string(peer), list, nil); err != nil {
			t.Fatal(err)
		}
	}
	add(bob, listAllow)
	r.next(kindAccept)
	add(bob, listForward)
	r.next(kindInvite)
	add("eve@fake.example", listBlock)
	if m := r.next(kindDecline); m.To != "eve" {
		t.Errorf("declined %s", m.To)
	}
	c, _, _ := r.st.Contact(t.Context(), alice, bob)
	if c.Name != "Bob" { // the box adds with the address as the name
		t.Errorf("the contact is called %q", c.Name)
	}
}

func TestEchoMarksAsSent(t *testing.T) {
	r := newRig(t)
	r.say("hello") // not running: pending
	r.run()
	m := r.next(kindMessage)
	r.stop()
	r2 := newRig(t)
	r2.say("lost answer")
	o, err := r2.st.NextOutgoing(t.Context(), aliceBob)
	if err != nil {
		t.Fatal(err)
	}
	in := receiver{r2.hub, r2.hub.links[0]}
	if err := in.Receive(t.Context(), EchoEvent{ID: r2.st.MessageID(o.ID), Event: "$e"}); err != nil {
		t.Fatal(err)
	}
	if o, _ = r2.st.Outgoing(t.Context(), o.ID); o.State != store.Sent || o.Event != "$e" {
		t.Errorf("after the echo: %+v", o)
	}
	if err := in.Receive(t.Context(), EchoEvent{ID: m.ID, Event: "$f"}); err != nil {
		t.Errorf("another installation's message: %v", err)
	}
}

// TestFirstEventOfAMessageStays: a try that ends after the message was seen on its
// network, as another event or not at all, does not change what it is; a second one
// is known by that.
func TestFirstEventOfAMessageStays(t *testing.T) {
	r := newRig(t)
	r.say("hello")
	o, err := r.st.NextOutgoing(t.Context(), aliceBob)
	if err != nil {
		t.Fatal(err)
	}
	in, m := receiver{r.hub, r.hub.links[0]}, r.st.MessageID(o.ID)
	is := func() id.Event {
		t.Helper()
		ev, err := in.SentAs(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	if got := is(); got != "" {
		t.Errorf("before it is sent it is %q", got)
	}
	if err := in.Receive(t.Context(), EchoEvent{ID: m, Event: "$seen"}); err != nil {
		t.Fatal(err)
	}
	c := &conversation{h: r.hub}
	for _, late := range []struct {
		state store.State
		event id.Event
	}{{store.Sent, "$second"}, {store.FailedMaybe, ""}} {
		if !c.finish(t.Context(), o, late.state, late.event, "") {
			t.Fatal("not stored")
		}
		if got := is(); got != "$seen" {
			t.Errorf("after %s %q it is %q", late.state, late.event, got)
		}
	}
	for _, strange := range []id.Message{"wtvgate-0000000000000000-1", r.st.MessageID(999), "x"} {
		if got, err := in.SentAs(t.Context(), strange); err != nil || got != "" {
			t.Errorf("%s is %q, %v", strange, got, err)
		}
	}
}

func TestInboxHasALimit(t *testing.T) {
	r := newRig(t)
	r.run()
	r.hub.maxWaiting = 3
	for i := range 10 {
		r.receive(message(fmt.Sprint("$", i), fmt.Sprint(i)))
	}
	equal(t, r.inbox(alice), []string{"bob@fake.example: 0", "bob@fake.example: 1", "bob@fake.example: 2",
		"bob@fake.example: (More messages came than can wait here. The newest were not kept.)"})
}

func TestFutureTimesAreClamped(t *testing.T) {
	r := newRig(t)
	r.run()
	m := message("$1", "from tomorrow")
	m.Time = time.Now().Add(24 * time.Hour)
	r.receive(m)
	rows, err := r.st.PendingIncoming(t.Context(), alice, 0, 1)
	if err != nil || rows[0].Sent.After(time.Now()) {
		t.Errorf("sent at %v, %v", rows[0].Sent, err)
	}
}

func TestEventsOfAGoneAccountAreDropped(t *testing.T) {
	r := newRig(t)
	r.run()
	if err := r.hub.RemoveAccount(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	r.receive(message("$1", "too late"))
	r.receive(RequestEvent{Event: "$2", Account: alice, From: "bob"})
}

func TestDeliveredIsReadOnTheNetwork(t *testing.T) {
	r := newRig(t)
	r.run()
	for i := range 3 {
		r.receive(message(fmt.Sprint("$", i), "x"))
	}
	rows, err := r.hub.WaitingFrom(t.Context(), aliceBob, 0, 10)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if err := r.hub.Delivered(t.Context(), rows[:2]); err != nil {
		t.Fatal(err)
	}
	if m := r.next(kindRead); m.Text.Body != "$1" {
		t.Errorf("marked %s as read, want the newest of those written", m.Text.Body)
	}
	if left := r.inbox(alice); len(left) != 1 {
		t.Errorf("%d rows left, want 1", len(left))
	}
}

func TestBetweenOwnAccounts(t *testing.T) {
	r := newRig(t)
	r.run()
	seat := newSeat()
	r.hub.Sit(carol, seat)
	if _, _, err := r.hub.AddContact(t.Context(), alice, carol.Address(), "carol", listForward, nil); err != nil {
		t.Fatal(err)
	}
	if r.lists(carol, alice.Address()) != listReverse || len(seat.lists) != 1 {
		t.Error("carol did not learn that alice added her")
	}
	key := id.Conversation{Account: alice, Peer: carol.Address()}
	if err := r.hub.Say(t.Context(), key, text.Content{Body: "hi"}); err != nil {
		t.Fatal(err)
	}
	equal(t, r.inbox(carol), []string{"alice@webtv.local: hi"})
	if p := <-seat.waiting; p != alice.Address() {
		t.Errorf("rung for %s", p)
	}
	if _, _, err := r.hub.AddContact(t.Context(), carol, alice.Address(), "a", listBlock, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.hub.Say(t.Context(), key, text.Content{Body: "hi?"}); err != ErrBlocked {
		t.Errorf("to a blocker: %v", err)
	}
	if _, _, err := r.hub.RemoveContact(t.Context(), alice, carol.Address(), listForward, nil); err != nil {
		t.Fatal(err)
	}
	if got := r.lists(carol, alice.Address()); got != listBlock {
		t.Errorf("after the removal carol has alice on %d", got)
	}
}

func TestNamesAreLearnedAndChosenOnesKept(t *testing.T) {
	r := newRig(t)
	r.run()
	name := func() string {
		t.Helper()
		c, _, err := r.st.Contact(t.Context(), alice, bob)
		if err != nil {
			t.Fatal(err)
		}
		return c.Name
	}
	if _, _, err := r.hub.AddContact(t.Context(), alice, bob, string(bob), listForward, nil); err != nil {
		t.Fatal(err)
	}
	r.receive(PresenceEvent{Account: alice, From: "bob", Presence: PresenceOnline, Name: "Bob Smith"})
	if got := name(); got != "Bob Smith" {
		t.Errorf("learned %q", got)
	}
	if _, _, err := r.hub.RenameContact(t.Context(), alice, bob, "Bobby"); err != nil {
		t.Fatal(err)
	}
	r.receive(PresenceEvent{From: "bob", Presence: PresenceOnline, Name: "Robert"})
	r.receive(message("$1", "hi"))
	if got := name(); got != "Bobby" {
		t.Errorf("the chosen name became %q", got)
	}
}

// TestTextThatFillsARowIsNoPoison: what the store would refuse is kept without
// its looks, or cut; an error here would be offered again for ever.
func TestTextThatFillsARowIsNoPoison(t *testing.T) {
	r := newRig(t)
	r.run()
	for i, size := range []int{64 << 10, 80 << 10, 1 << 20} {
		e := message(fmt.Sprint("$", i), strings.Repeat("<", size)) // six bytes each as JSON
		e.Text.Runs = []text.Run{{Text: e.Text.Body}}
		r.receive(e)
	}
	rows, err := r.st.PendingIncoming(t.Context(), alice, 0, 10)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range []int{64 << 10, 80 << 10, maxPlain + len("...")} {
		var c text.Content
		if err := json.Unmarshal(rows[i].Body, &c); err != nil || len(c.Body) != want || len(c.Runs) != 0 {
			t.Errorf("row %d keeps %d bytes and %d runs, %v; want %d and none", i, len(c.Body), len(c.Runs), err, want)
		}
	}
}
