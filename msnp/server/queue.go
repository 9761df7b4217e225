package server

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"wtvgate/msnp/wire"
)

// Reasons for which output is not accepted or not written. They are what a
// Completion gets.
var (
	// ErrEnded: the connection is ending or gone.
	ErrEnded = errors.New("msnp: connection ended")
	// ErrSlow: the client does not read; its queue passed the limit.
	ErrSlow = errors.New("msnp: client reads too slowly")
)

// Completion is told what became of a piece of output: nil when its bytes were
// written to the socket, or for Bring when the client has them. Written runs on
// the writer's goroutine, or on one that looks for acknowledgements, and must not
// block.
type Completion interface {
	Written(err error)
}

// batch is output that goes out together.
type batch struct {
	b     []byte
	marks []mark
}

// mark is a completion and where in the batch its bytes end. One that is far is
// told when the other end has acknowledged them.
type mark struct {
	end  int
	done Completion
	far  bool
}

// queue is the output of one connection. A writer goroutine exists only while
// there is something to write, and an empty queue holds no buffer: ten thousand
// idle boxes cost neither.
//
// mu guards all fields below it; it is held for appends only, never over a
// write or a completion, so add may be called under a board's lock.
type queue struct {
	nc    net.Conn
	pool  *sync.Pool // of *batch, shared by the server's connections
	limit int
	full  atomic.Bool // more than highWater is unwritten, and lowWater not yet reached again
	start func()      // q.run, bound once so that starting it costs no allocation
	fault func(recovered any)

	mu       sync.Mutex
	cur      *batch
	inflight int
	running  bool
	closing  bool          // nothing more is accepted; what is queued is still written
	err      error         // set: nothing is written any more
	acks     *acks         // nil: no completion has waited for the other end; set by the writer
	idle     chan struct{} // made by wait
	low      chan struct{} // made by drained
}

// crowded tells that the client takes in less than is written to it.
func (q *queue) crowded() bool { return q.full.Load() }

// drained gives a channel that is closed when little is left to write, or
// nothing will be written any more; nil if that is so now.
func (q *queue) drained() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.full.Load() {
		return nil
	}
	if q.low == nil {
		q.low = make(chan struct{})
	}
	return q.low
}

// measure keeps full and low in step with what is queued. The caller holds mu.
func (q *queue) measure() {
	n := q.inflight
	if q.cur != nil {
		n += len(q.cur.b)
	}
	switch {
	case q.err != nil, q.closing, n <= lowWater:
		q.full.Store(false)
		if q.low != nil {
			close(q.low)
			q.low = nil
		}
	case n > highWater:
		q.full.Store(true)
	}
}

func (q *queue) init(nc net.Conn, pool *sync.Pool, limit int, fault func(any)) {
	q.nc, q.pool, q.limit, q.fault = nc, pool, limit, fault
	q.start = q.run
}

// add appends head and payload as one piece that nothing can come between. now
// starts the writer; without it the piece waits for flush. An error means that
// the piece was not taken and done will not be called.
//
// The limit is checked before appending, so that one reply is never cut,
// however long the account's lists are: the bound is the limit and one piece.
func (q *queue) add(head, payload []byte, done Completion, now bool) error {
	return q.put(head, payload, mark{done: done}, now)
}

// put is add for a mark whose place is not known yet.
func (q *queue) put(head, payload []byte, m mark, now bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.room()
	if err != nil {
		return err
	}
	b.b = append(b.b, head...)
	b.b = append(b.b, payload...)
	if m.done != nil {
		m.end = len(b.b)
		b.marks = append(b.marks, m)
	}
	if len(b.b)+q.inflight > highWater {
		q.measure()
	}
	if now {
		q.flushLocked()
	}
	return nil
}

// room gives the batch to append to. The caller holds mu.
func (q *queue) room() (*batch, error) {
	if q.err != nil {
		return nil, q.err
	}
	if q.closing {
		return nil, ErrEnded
	}
	if q.cur == nil {
		q.cur = q.pool.Get().(*batch)
	}
	if len(q.cur.b)+q.inflight > q.limit {
		q.err = ErrSlow
		q.flushLocked()
		go q.cut() // wakes a writer that is stuck in the socket, and the reader
		return nil, ErrSlow
	}
	return q.cur, nil
}

// flush writes what is queued.
func (q *queue) flush() {
	q.mu.Lock()
	q.flushLocked()
	q.mu.Unlock()
}

func (q *queue) flushLocked() {
	if !q.running && q.cur != nil && len(q.cur.b) > 0 {
		q.running = true
		go q.start()
	}
}

// size is the number of unwritten bytes.
func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cur == nil {
		return q.inflight
	}
	return q.inflight + len(q.cur.b)
}

// close accepts nothing more and hurries the rest.
func (q *queue) close() {
	q.mu.Lock()
	if !q.closing {
		q.closing = true
		q.measure()
		q.nc.SetWriteDeadline(time.Now().Add(flushTime))
	}
	q.flushLocked()
	q.mu.Unlock()
}

// wait returns when everything was written or given up. close comes first.
func (q *queue) wait() {
	q.mu.Lock()
	if !q.running {
		q.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	q.idle = idle
	q.mu.Unlock()
	<-idle
}

// failure is why the queue ended, nil while it works.
func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// run is the writer.
func (q *queue) run() {
	for {
		q.mu.Lock()
		b, err := q.cur, q.err
		q.cur, q.inflight = nil, 0
		if b != nil {
			q.inflight = len(b.b)
		}
		q.measure()
		if b == nil || len(b.b) == 0 {
			q.running = false
			if q.idle != nil {
				close(q.idle)
				q.idle = nil
			}
			q.mu.Unlock()
			if b != nil {
				q.recycle(b)
			}
			return
		}
		closing := q.closing
		q.mu.Unlock()
		if err == nil {
			err = q.write(b, closing)
		}
		if err != nil {
			q.fail(b, err)
		}
		q.recycle(b)
	}
}

// write writes one batch piece by piece and reports what is done.
func (q *queue) write(b *batch, closing bool) error {
	limit := writeTime
	if closing {
		limit = flushTime
	}
	owes := false
	for off, next := 0, 0; off < len(b.b); {
		end := min(len(b.b), off+writePiece)
		q.nc.SetWriteDeadline(time.Now().Add(limit))
		n, err := q.nc.Write(b.b[off:end])
		off += n
		if q.acks != nil {
			q.acks.sent.Add(int64(n))
		}
		for ; next < len(b.marks) && b.marks[next].end <= off; next++ {
			m := b.marks[next]
			if m.far && q.owe(m.done, off-m.end) {
				owes = true
				continue
			}
			q.report(m.done, nil)
		}
		if err != nil {
			b.marks = b.marks[next:]
			return err
		}
	}
	b.marks = b.marks[:0]
	if owes {
		q.look()
	}
	return nil
}

// fail ends the queue: the socket is closed and every completion hears why, but
// for those whose bytes the other end has.
func (q *queue) fail(b *batch, err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	err = q.err
	q.measure()
	q.mu.Unlock()
	q.cut()
	q.abandon(err)
	for _, m := range b.marks {
		q.report(m.done, err)
	}
}

func (q *queue) report(done Completion, err error) {
	defer func() {
		if r := recover(); r != nil {
			q.fault(r)
		}
	}()
	done.Written(err)
}

// recycle gives a batch back, without what it points to.
func (q *queue) recycle(b *batch) {
	if cap(b.b) > keepBuffer {
		return
	}
	m := b.marks[:cap(b.marks)]
	clear(m)
	b.b, b.marks = b.b[:0], m[:0]
	q.pool.Put(b)
}

// line is add for one line made in place.
func (q *queue) line(now bool, verb string, args []string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, err := q.room()
	if err != nil {
		return false
	}
	b.b = wire.AppendLine(b.b, verb, args...)
	if now {
		q.flushLocked()
	}
	return true
}
