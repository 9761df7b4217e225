package bridge

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"wtvgate/bridge/id"
)

// TestPlacesAreCountedSeldom: one count serves recount rows, the limit is met
// exactly, and what has left is seen at once.
func TestPlacesAreCountedSeldom(t *testing.T) {
	var p places
	rows, counts := 0, 0
	now := time.Unix(1000, 0)
	const most = 3*recount + 10
	count := func() (int, error) { counts++; return rows, nil }
	took := func() string {
		t.Helper()
		ok, last, err := p.take(aliceBob, most, now, count)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			rows++
		}
		return fmt.Sprint(ok, last)
	}
	for i := range most {
		if got := took(); got != "true false" {
			t.Fatalf("row %d of %d: %s", i, most, got)
		}
	}
	if counts != 4 {
		t.Errorf("%d rows were counted %d times", most, counts)
	}
	if got := took(); got != "true true" {
		t.Errorf("the line that says so: %s", got)
	}
	counts = 0
	for range 100 {
		if got := took(); got != "false false" {
			t.Fatalf("a row beyond: %s", got)
		}
	}
	if counts != 1 {
		t.Errorf("a full conversation was counted %d times", counts)
	}
	rows -= 5
	if got := took(); got != "false false" {
		t.Errorf("within the time that it is not counted: %s", got)
	}
	p.forget(aliceBob)
	if got := took(); got != "true false" {
		t.Errorf("when rows had left: %s", got)
	}
	rows = most + 1
	p.forget(aliceBob)
	took()
	rows, now = 0, now.Add(fullFor)
	if got := took(); got != "true false" {
		t.Errorf("a while later: %s", got)
	}
}

// TestPlacesAreBounded, and a count that fails is told.
func TestPlacesAreBounded(t *testing.T) {
	var p places
	for i := range 2*maxPlaces + 10 {
		key := id.Conversation{Account: alice, Peer: id.Address(fmt.Sprintf("f%d@fake.example", i))}
		if ok, _, err := p.take(key, 5, time.Time{}, func() (int, error) { return 0, nil }); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if len(p.of) > maxPlaces {
			t.Fatalf("%d are remembered", len(p.of))
		}
	}
	boom := errors.New("boom")
	ok, last, err := p.take(aliceBob, 5, time.Time{}, func() (int, error) { return 0, boom })
	if ok || last || !errors.Is(err, boom) {
		t.Errorf("%v, %v, %v", ok, last, err)
	}
}

// TestWhatIsRefusedCostsNothing: neither a row nor a key is left of it, and it comes
// when there is a place.
func TestWhatIsRefusedCostsNothing(t *testing.T) {
	r := newRig(t)
	r.run()
	r.hub.maxWaiting = 2
	for i := range 4 {
		r.receive(message(fmt.Sprint("$", i), fmt.Sprint(i)))
	}
	full := []string{"bob@fake.example: 0", "bob@fake.example: 1", "bob@fake.example: (More messages came than can wait here. The newest were not kept.)"}
	equal(t, r.inbox(alice), full)
	rows, err := r.hub.WaitingFrom(t.Context(), aliceBob, 0, 10)
	if err == nil {
		err = r.hub.Delivered(t.Context(), rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		r.receive(message(fmt.Sprint("$", i), fmt.Sprint(i)))
	}
	equal(t, r.inbox(alice), []string{"bob@fake.example: 3", "bob@fake.example: 4"})
}

// TestDeliveredInParts: what many boxes were written at once is noted in several
// changes, between which others have their turn.
func TestDeliveredInParts(t *testing.T) {
	r := newRig(t)
	in := receiver{r.hub, r.hub.links[0]} // nothing runs that stores anything else
	const lines = 2*maxNoted + 1
	for i := range lines {
		if err := in.Receive(t.Context(), message(fmt.Sprint("$", i), fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := r.hub.WaitingFrom(t.Context(), aliceBob, 0, lines)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := r.st.Transactions()
	if err := r.hub.Delivered(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if after, _ := r.st.Transactions(); after-before != 3 {
		t.Errorf("%d changes", after-before)
	}
	equal(t, r.inbox(alice), nil)
	if err := r.hub.Delivered(t.Context(), rows); err != nil { // again, after an error
		t.Fatal(err)
	}
	equal(t, r.inbox(alice), nil)
}
