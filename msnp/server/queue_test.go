package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a connection that takes what is written, as a test allows it.
type sink struct {
	net.Conn // the methods nobody calls

	mu     sync.Mutex
	got    bytes.Buffer
	writes int
	closed bool

	gate chan struct{} // nil: open; else each write takes one
	fail error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.gate != nil {
		if _, ok := <-s.gate; !ok {
			return 0, net.ErrClosed
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	s.writes++
	return s.got.Write(p)
}

func (s *sink) SetWriteDeadline(time.Time) error { return nil }

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.gate != nil {
		close(s.gate)
	}
	s.closed = true
	return nil
}

func (s *sink) state() (text string, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String(), s.writes
}

func newQueue(s *sink, limit int) *queue {
	pool := &sync.Pool{New: func() any { return new(batch) }}
	q := &queue{}
	q.init(s, pool, limit, func(any) {})
	return q
}

// note is a Completion that remembers.
type note chan error

func (n note) Written(err error) { n <- err }

func TestQueueCoalesces(t *testing.T) {
	s := &sink{}
	q := newQueue(s, 1<<10)
	q.line(false, "CHG", []string{"1", "NLN"})
	q.line(false, "ILN", []string{"1", "NLN", "a@b.cc", "A"})
	if text, n := s.state(); n != 0 {
		t.Fatalf("written before flush: %q", text)
	}
	if got := q.size(); got != 31 {
		t.Errorf("size %d", got)
	}
	q.flush()
	q.flush()
	q.close()
	q.wait()
	if text, n := s.state(); n != 1 || text != "CHG 1 NLN\r\nILN 1 NLN a@b.cc A\r\n" {
		t.Errorf("%d writes: %q", n, text)
	}
	if q.cur != nil || q.running || q.inflight != 0 {
		t.Errorf("an idle queue holds on to something: %+v", q.cur)
	}
	if err := q.add([]byte("x"), nil, nil, true); !errors.Is(err, ErrEnded) {
		t.Errorf("add after close: %v", err)
	}
}

// Completions come in order, each when its own bytes were written.
func TestQueueCompletions(t *testing.T) {
	s := &sink{gate: make(chan struct{}, 8)}
	q := newQueue(s, 1<<20)
	var order []int
	var mu sync.Mutex
	done := make(chan struct{}, 8)
	mark := func(i int) Completion {
		return called(func(err error) {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			done <- struct{}{}
		})
	}
	big := make([]byte, writePiece)
	q.add([]byte("a"), nil, mark(0), false)
	q.add(big, nil, mark(1), true) // ends in the second piece of the batch
	s.gate <- struct{}{}
	<-done
	mu.Lock()
	if len(order) != 1 {
		t.Errorf("after one piece: %v", order)
	}
	mu.Unlock()
	q.add([]byte("b"), nil, mark(2), true)
	s.gate <- struct{}{}
	<-done
	s.gate <- struct{}{}
	<-done
	if order[0] != 0 || order[1] != 1 || order[2] != 2 {
		t.Errorf("order %v", order)
	}
}

type called func(error)

func (c called) Written(err error) { c(err) }

// Past the limit the queue ends: what waits hears why, and nothing is taken.
func TestQueueLimit(t *testing.T) {
	s := &sink{gate: make(chan struct{})}
	q := newQueue(s, 100)
	first, second := make(note, 1), make(note, 1)
	if err := q.add(make([]byte, 5000), nil, first, true); err != nil {
		t.Fatalf("one piece larger than the limit: %v", err)
	}
	if err := q.add([]byte("x"), nil, second, true); !errors.Is(err, ErrSlow) {
		t.Errorf("past the limit: %v", err)
	}
	if err := <-first; err == nil {
		t.Error("a piece that was never written is reported as written")
	}
	q.close()
	q.wait()
	select {
	case <-second:
		t.Error("completion of a piece that was not taken")
	default:
	}
	if !errors.Is(q.failure(), ErrSlow) {
		t.Errorf("failure %v", q.failure())
	}
	if err := q.add([]byte("x"), nil, nil, true); !errors.Is(err, ErrSlow) {
		t.Errorf("add after it: %v", err)
	}
	if q.line(true, "X", nil) {
		t.Error("line after it")
	}
}

// Without a writer the limit holds too: replies that pile up in one burst.
func TestQueueLimitOfReplies(t *testing.T) {
	s := &sink{}
	q := newQueue(s, 10)
	n := make(note, 1)
	q.add([]byte("0123456789ab"), nil, n, false)
	if q.line(false, "QNG", nil) {
		t.Error("line past the limit")
	}
	if err := <-n; !errors.Is(err, ErrSlow) {
		t.Errorf("completion %v", err)
	}
}

func TestQueueWriteError(t *testing.T) {
	s := &sink{fail: io.ErrClosedPipe}
	q := newQueue(s, 1<<10)
	n := make(note, 1)
	q.add([]byte("x"), []byte("y"), n, true)
	if err := <-n; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("completion %v", err)
	}
	q.close()
	q.wait()
	if !s.closed {
		t.Error("the socket stays open")
	}
}

// A completion that panics does not end the process, nor the queue.
func TestQueuePanic(t *testing.T) {
	s := &sink{}
	var got any
	q := newQueue(s, 1<<10)
	q.fault = func(r any) { got = r }
	q.add([]byte("x"), nil, called(func(error) { panic("broken") }), false)
	q.add([]byte("y"), nil, nil, true)
	q.close()
	q.wait()
	if text, _ := s.state(); text != "xy" || got != "broken" {
		t.Errorf("%q, %v", text, got)
	}
}

func TestQueueAllocations(t *testing.T) {
	s := &sink{}
	q := newQueue(s, 1<<20)
	head, payload := []byte("MSG a@b.cc A 5\r\n"), []byte("hello")
	args := []string{"1", "NLN"}
	b := new(batch)
	b.b = make([]byte, 0, 1<<16)
	if n := testing.AllocsPerRun(100, func() {
		b.b = b.b[:0]
		q.cur = b
		q.add(head, payload, nil, false)
		q.line(false, "CHG", args)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBucket(t *testing.T) {
	at := time.Unix(1000, 0)
	b := NewBucket(Rate{Burst: 3, Every: time.Second})
	for i := range 3 {
		if w := b.Take(at); w != 0 {
			t.Errorf("take %d waits %v", i, w)
		}
	}
	if w := b.Take(at); w != time.Second {
		t.Errorf("fourth waits %v", w)
	}
	if w := b.Take(at.Add(time.Second)); w != time.Second {
		t.Errorf("fifth, a second later, waits %v", w)
	}
	if w := b.Take(at.Add(time.Hour)); w != 0 {
		t.Errorf("after an hour waits %v", w)
	}
	b = NewBucket(Rate{Burst: 1, Every: time.Minute})
	for i, want := range []bool{true, false, false} {
		if got := b.Try(at); got != want {
			t.Errorf("try %d: %v", i, got)
		}
	}
	if !b.Try(at.Add(time.Minute)) {
		t.Error("refused tries used the token up")
	}
	if b.Try(at) { // a clock that goes back gives nothing away
		t.Error("try in the past")
	}
	b = NewBucket(Rate{Burst: -1})
	for range 1000 {
		if b.Take(at) != 0 || !b.Try(at) {
			t.Fatal("no limit is a limit")
		}
	}
}

func TestDefaults(t *testing.T) {
	got := Limits{Queue: 5}.withDefaults()
	if got.Queue != 5 || got.Connections != DefaultConnections || got.PerAddress != DefaultPerAddress ||
		got.Early != DefaultEarly || got.Commands != defaultCommands || got.Messages != defaultMessages ||
		got.Errors != defaultErrors || got.Renames != defaultRenames {
		t.Errorf("%+v", got)
	}
}

// TestQueueCrowds: who writes to a client that does not keep up can wait until
// little is left, and hears at once when nothing more will be written.
func TestQueueCrowds(t *testing.T) {
	s := &sink{gate: make(chan struct{})}
	q := newQueue(s, 1<<20)
	piece := make([]byte, 20<<10)
	for i := range 4 { // 80 KiB; highWater is 64
		if q.crowded() {
			t.Fatalf("crowded after %d bytes", i*len(piece))
		}
		if err := q.add(nil, piece, nil, true); err != nil {
			t.Fatal(err)
		}
	}
	room := q.drained()
	if !q.crowded() || room == nil {
		t.Fatal("not crowded with 80 KiB")
	}
	for range 8 { // at most 32 KiB are written at once
		select {
		case s.gate <- struct{}{}:
		case <-room:
		}
	}
	<-room
	if q.drained() != nil || q.crowded() {
		t.Error("still crowded when little is left")
	}
	s.Close()
	q.wait()

	s = &sink{gate: make(chan struct{})}
	q = newQueue(s, 1<<20)
	for range 4 {
		if err := q.add(nil, piece, nil, true); err != nil {
			t.Fatal(err)
		}
	}
	room = q.drained()
	s.Close() // the line breaks
	<-room
}

// TestRoomIsNotAwaitedForEver: two clients who flood each other and read nothing
// must not hold each other.
func TestRoomIsNotAwaitedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{gate: make(chan struct{})}
		c := &Conn{out: queue{}}
		c.out.init(s, &sync.Pool{New: func() any { return new(batch) }}, 1<<20, func(any) {})
		begun := time.Now()
		c.AwaitRoom(t.Context())
		if d := time.Since(begun); d != 0 {
			t.Errorf("waited %v for a client with room", d)
		}
		if err := c.Send(make([]byte, highWater+1), nil, nil); err != nil {
			t.Fatal(err)
		}
		c.AwaitRoom(t.Context())
		if d := time.Since(begun); !c.Crowded() || d != roomTime {
			t.Errorf("waited %v, want %v", d, roomTime)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c.AwaitRoom(ctx)
		if d := time.Since(begun); d != roomTime {
			t.Errorf("waited on although the caller had ended")
		}
		s.Close()
		c.out.wait()
	})
}

// TestLoopbackIsNotPaced: a proxy on the same machine hides everyone.
func TestLoopbackIsNotPaced(t *testing.T) {
	s := New(Options{})
	for from, paced := range map[string]bool{"127.0.0.1:9": false, "192.0.2.1:9": true} {
		c := s.newConn(1, addressed{&sink{}, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))})
		now := time.Now()
		var wait time.Duration
		for range 1000 {
			wait = max(wait, c.messages.Take(now), c.commands.Take(now))
		}
		if (wait > 0) != paced {
			t.Errorf("%s waits %v", from, wait)
		}
	}
}

// addressed is a connection from somewhere.
type addressed struct {
	*sink
	from net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.from }
func (a addressed) LocalAddr() net.Addr  { return a.from }
