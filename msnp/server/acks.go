package server

import (
	"sync/atomic"
	"time"
)

// acks.go: bytes that the kernel has taken are not bytes that the client has. A
// line that dies without a word takes all that is written to it until the kernel
// gives up. Where the kernel tells how much the other end's TCP has not
// acknowledged (newUnsent), a completion that Bring was given waits for that.

const (
	// firstLook is the pause before the kernel is asked again how much is not
	// acknowledged; each further one is twice as long, up to lastLook. An
	// acknowledgement that rides on nothing may be delayed by 40 ms and more, and a
	// modem's way there and back takes 200 ms.
	firstLook = 20 * time.Millisecond
	lastLook  = time.Second
)

// acks are the completions of one connection that wait for the other end. A
// connection has them from the first one on, and a timer is set while there are
// any: those who are idle, and those who are told nothing from networks, cost
// nothing.
//
// The queue's mu guards the fields below it.
type acks struct {
	line *unsent
	sent atomic.Int64 // bytes written since acks was made; its writer adds

	owed  []owed // in the order of their bytes
	fin   bool   // the end of the stream is written, which counts as a byte
	over  bool   // nothing more will be owed
	armed bool   // the timer is set
	pause time.Duration
	timer *time.Timer
}

// owed is a completion and where its bytes end, counted as acks.sent is.
type owed struct {
	end  int64
	done Completion
}

// owe takes a completion whose bytes were written, and after them so many more.
// False: this connection cannot tell what the other end has. Writer only.
func (q *queue) owe(done Completion, more int) bool {
	if q.acks == nil {
		line := newUnsent(q.nc)
		if line == nil {
			return false
		}
		q.mu.Lock()
		q.acks = &acks{line: line, pause: firstLook}
		q.mu.Unlock()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acks.owed = append(q.acks.owed, owed{q.acks.sent.Load() - int64(more), done})
	return true
}

// owing gives the acks if a completion waits in them.
func (q *queue) owing() *acks {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.acks == nil || len(q.acks.owed) == 0 {
		return nil
	}
	return q.acks
}

// settle tells those whose bytes the other end has. It gives how many are left,
// and false if nothing more can be known of them.
func (q *queue) settle() (left int, known bool) {
	a := q.owing()
	if a == nil {
		return 0, true
	}
	// In this order: what is written meanwhile makes the answer too small, never
	// too large.
	sent := a.sent.Load()
	q.mu.Lock()
	fin := a.fin
	q.mu.Unlock()
	n, err := a.line.bytes()
	if fin && n > 0 {
		n--
	}
	for err == nil {
		q.mu.Lock()
		if len(a.owed) == 0 || a.owed[0].end > sent-int64(n) {
			q.mu.Unlock()
			break
		}
		done := a.owed[0].done
		a.owed[0] = owed{}
		if a.owed = a.owed[1:]; len(a.owed) == 0 {
			a.owed = nil
		}
		a.pause = firstLook
		q.mu.Unlock()
		q.report(done, nil)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(a.owed), err == nil
}

// look settles, and sets the timer if something is left.
func (q *queue) look() {
	left, known := q.settle()
	if left == 0 || !known {
		return // what cannot be known any more is for conclude
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.acks
	if a.armed || a.over {
		return
	}
	a.armed = true
	if a.timer == nil {
		a.timer = time.AfterFunc(a.pause, q.lookAgain)
	} else {
		a.timer.Reset(a.pause)
	}
	a.pause = min(2*a.pause, lastLook)
}

// lookAgain is the timer's.
func (q *queue) lookAgain() {
	q.mu.Lock()
	q.acks.armed = false
	q.mu.Unlock()
	q.look()
}

// ended notes that the end of the stream was written.
func (q *queue) ended() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.acks != nil {
		q.acks.fin = true
	}
}

// conclude is the last look, for a connection that will be closed: what is on its
// way may take so long. The rest is told why the queue ended, or ErrEnded: nobody
// will ever know of it.
func (q *queue) conclude(patience time.Duration) {
	left, known := q.settle()
	for pause := firstLook; left > 0 && known && patience > 0; pause = min(2*pause, lastLook) {
		pause = min(pause, patience)
		time.Sleep(pause)
		patience -= pause
		left, known = q.settle()
	}
	q.abandon(ErrEnded)
}

// abandon tells those who are still owed an acknowledgement that none will come.
func (q *queue) abandon(err error) {
	q.mu.Lock()
	a := q.acks
	if a == nil {
		q.mu.Unlock()
		return
	}
	rest := a.owed
	a.owed, a.over = nil, true
	if a.timer != nil {
		a.timer.Stop()
	}
	q.mu.Unlock()
	for _, o := range rest {
		q.report(o.done, err)
	}
}

// cut closes the socket, after a last look at what the other end has.
func (q *queue) cut() {
	q.settle()
	q.nc.Close()
}
