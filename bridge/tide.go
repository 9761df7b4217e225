package bridge

import (
	"context"
	"sync"
	"time"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
)

// tide.go: a friend who writes more than anybody reads to a box that is on. What is
// too much is set aside as the middle of a long conversation is at sign-in
// (waiting.go), one line says so, and `more` brings it.

const (
	// linePace is how long a message takes to be read on a TV: rooms are given no
	// more than one in two seconds either (lessons L26).
	linePace = 2 * time.Second
	// highTide is how many messages of one friend a box that is on may have to read
	// at once: two minutes of reading, six screens, three times what one that
	// returns is shown in full. A pasted poem, the fastest typing and what was held
	// up by an outage are below it; a script is not.
	highTide = 60
	// lowTide ends it: until the friend has left the reader a minute, what comes is
	// set aside, or each message that was read would let one more between those that
	// are kept.
	lowTide = highTide / 2
	// maxTides bounds the conversations that are remembered; beyond it those in which
	// all must have been read by now are forgotten, and if there are none, all.
	maxTides = 1000
)

// tides is how much there is to read in each conversation. The mutex guards the map.
type tides struct {
	mu sync.Mutex
	of map[id.Conversation]tide
}

// tide is one conversation's.
type tide struct {
	read time.Time // when all will have been read
	high bool      // what comes is set aside
}

// rise gives the tide after one message more, while that many wait for the box
// itself.
func (t tide) rise(now time.Time, waiting int) tide {
	if t.read.Before(now) {
		t.read = now
	}
	behind := t.read.Sub(now)
	if t.high {
		t.high = behind > lowTide*linePace || waiting >= highTide
	} else {
		t.high = behind > (highTide-1)*linePace || waiting >= highTide
	}
	t.read = now.Add(min(behind+linePace, highTide*linePace))
	return t
}

func (t *tides) at(key id.Conversation) tide {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[key]
}

func (t *tides) note(key id.Conversation, at tide, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.of) >= maxTides {
		for k, o := range t.of {
			if o.read.Before(now) {
				delete(t.of, k)
			}
		}
	}
	if t.of == nil || len(t.of) >= maxTides {
		t.of = make(map[id.Conversation]tide)
	}
	t.of[key] = at
}

// flood decides within the transaction that stores a friend's message whether it is
// set aside. It changes the row, and gives the tide with it; told: a line says so now.
func (h *Hub) flood(tx *store.Tx, in *store.Incoming, was tide) (t tide, told bool, err error) {
	key := conversationOf(in)
	if h.Seat(in.Account) == nil {
		return was, false, nil // at sign-in it is folded
	}
	waiting, err := tx.CountUpTo(key, highTide)
	if err != nil {
		return was, false, err
	}
	t = was.rise(h.now(), waiting)
	if !t.high {
		return t, false, nil
	}
	if helped, err := h.helpedIn(tx, in.Account); err != nil || !helped || in.Peer == h.resident.address {
		t.high = false
		return t, false, err
	}
	in.State = store.Folded
	if was.high {
		return t, false, nil
	}
	line := h.foldedRow(key, 0)
	line.Account, line.Peer, line.Sent = key.Account, key.Peer, h.now()
	_, err = tx.AddIncoming(line)
	return t, err == nil, err
}

// hear stores a friend's message that only they and the account read. What the fill
// of acceptAs does comes first.
func (h *Hub) hear(ctx context.Context, in store.Incoming, friend string, fill func(*store.Tx, *store.Incoming) (bool, error)) error {
	key := conversationOf(&in)
	was := h.tides.at(key)
	t, told := was, false
	err := h.acceptAs(ctx, in, friend, func(tx *store.Tx, in *store.Incoming) (ok bool, err error) {
		t, told = was, false
		if ok, err = fill(tx, in); err != nil || !ok {
			return ok, err
		}
		t, told, err = h.flood(tx, in, was)
		return true, err
	})
	if err != nil || t == was {
		return err
	}
	h.tides.note(key, t, h.now())
	if told {
		h.log.Info("a friend writes more than a TV can show; the rest is set aside", "conv", key)
		if s := h.Seat(key.Account); s != nil {
			s.Waiting(key.Peer)
		}
	}
	return nil
}
