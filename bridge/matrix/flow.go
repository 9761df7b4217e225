package matrix

import (
	"sync"
	"time"

	mid "maunium.net/go/mautrix/id"
)

// flow.go: a room for several must not drown a TV (lessons L26).

// maxLinesPerMinute is how many lines of one room reach boxes in a minute: one in
// two seconds is as much as anybody reads on a TV.
const maxLinesPerMinute = 30

// What a box reads instead of the rest.
const (
	lineFlow    = "More is written here than a TV can show. The next lines are left out."
	lineSkipped = "%d lines were left out."
)

// flow counts the lines of rooms. The mutex guards all.
type flow struct {
	mu    sync.Mutex
	rooms map[mid.RoomID]*minute
}

// minute is what came in a room since it began.
type minute struct {
	began          time.Time
	lines, skipped int
}

// verdict on a line.
type verdict uint8

const (
	flowShow verdict = iota
	flowTell         // the first that is left out: say so instead
	flowDrop
)

func newFlow() *flow { return &flow{rooms: make(map[mid.RoomID]*minute)} }

// admit counts a line. With flowShow it also tells how many were left out before.
func (f *flow) admit(rid mid.RoomID, now time.Time) (v verdict, skipped int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.rooms[rid]
	if m == nil || now.Sub(m.began) >= time.Minute {
		if m != nil {
			skipped = m.skipped
		} else {
			f.tidy(now)
		}
		m = &minute{began: now}
		f.rooms[rid] = m
	}
	if m.lines++; m.lines <= maxLinesPerMinute {
		return flowShow, skipped
	}
	m.skipped++
	if m.skipped == 1 {
		return flowTell, 0
	}
	return flowDrop, 0
}

// maxFlowRooms bounds the rooms that are counted; quiet ones are forgotten first.
const maxFlowRooms = 1000

// tidy forgets rooms in which nothing was left out. The caller holds mu.
func (f *flow) tidy(now time.Time) {
	if len(f.rooms) < maxFlowRooms {
		return
	}
	for rid, m := range f.rooms {
		if now.Sub(m.began) >= time.Minute {
			delete(f.rooms, rid)
		}
	}
}
