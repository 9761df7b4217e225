package bridge

import (
	"sync"
	"time"

	"wtvgate/bridge/id"
)

// places.go: how many rows may still wait in a conversation. A count reads them all
// while everybody else waits to write, and a flood asks with each of its messages:
// so one count serves for many.

const (
	// recount is after how many rows they are counted again: what was added in other
	// ways meanwhile, by `more` for one, is seen then.
	recount = 64
	// fullFor is how long a conversation that is full is not counted again, unless
	// something is known to have left it.
	fullFor = time.Second
	// maxPlaces bounds the conversations that are remembered; beyond it all are
	// forgotten, and counted again.
	maxPlaces = 1000
)

// places is one kind of row, in all conversations. The mutex guards the map.
type places struct {
	mu sync.Mutex
	of map[id.Conversation]place
}

// place is what is known of one conversation: this many rows can be added without
// a count, or it is full until then.
type place struct {
	left int
	full time.Time
}

// take takes a place for one row more, of at most most; with last it is the one
// beyond, for the line that says so. count gives how many rows there are: it is called
// where that is not known, by the holder of the store's turn.
func (p *places) take(key id.Conversation, most int, now time.Time, count func() (int, error)) (ok, last bool, err error) {
	p.mu.Lock()
	at := p.of[key]
	p.mu.Unlock()
	switch {
	case now.Before(at.full):
		return false, false, nil
	case at.left == 0:
		n, err := count()
		if err != nil || n == most {
			return err == nil, err == nil, err
		}
		if n > most {
			p.note(key, place{full: now.Add(fullFor)})
			return false, false, nil
		}
		at.left = min(most-n, recount)
	}
	p.note(key, place{left: at.left - 1})
	return true, false, nil
}

// note remembers a place.
func (p *places) note(key id.Conversation, at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil || len(p.of) >= maxPlaces {
		p.of = make(map[id.Conversation]place)
	}
	p.of[key] = at
}

// forget has a conversation counted the next time: rows have left it, or come.
func (p *places) forget(key id.Conversation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, key)
}
