package server

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tcp is a connection on loopback: the server's end and the client's, whose
// receive buffer takes so many bytes; 0: as many as usual.
func tcp(t testing.TB, buffer int) (here, there *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if buffer == 0 {
			return nil
		}
		if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, buffer) }); e != nil {
			return e
		}
		return err
	}}
	c, err := d.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); c.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

// ownQueue is the queue of a connection that is on its own.
func ownQueue(nc net.Conn) *queue {
	q := &queue{}
	q.init(nc, &sync.Pool{New: func() any { return new(batch) }}, DefaultQueue, func(any) {})
	return q
}

// bring is Conn.Bring.
func (q *queue) bring(b []byte, done Completion) error {
	return q.put(b, nil, mark{done: done, far: true}, true)
}

// What the client's end has is told, also when nobody there reads.
func TestAcknowledged(t *testing.T) {
	here, there := tcp(t, 0)
	q := ownQueue(here)
	done := make(note, 3)
	for range 3 {
		if err := q.bring(make([]byte, 1000), done); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Errorf("told %v", err)
		}
	}
	if left, known := q.settle(); left != 0 || !known || q.acks.owed != nil {
		t.Errorf("%d left, %v", left, q.acks.owed)
	}
	if _, err := io.ReadFull(there, make([]byte, 3000)); err != nil {
		t.Error(err)
	}
}

// A client that takes in nothing and then resets the line has what its end had
// taken, and not a piece more: until then nobody is told of the rest.
func TestReset(t *testing.T) {
	here, there := tcp(t, 1) // the least that the system gives
	q := ownQueue(here)
	const pieces = 16
	all := make([]note, pieces)
	for i := range all {
		all[i] = make(note, 1)
		if err := q.bring(make([]byte, 4096), all[i]); err != nil {
			t.Fatal(err)
		}
	}
	for q.size() > 0 {
		runtime.Gosched()
	}
	select {
	case err := <-all[pieces-1]:
		t.Fatalf("the last piece was told %v, with %d bytes that nobody can have", err, 4096*pieces)
	default:
	}
	there.SetLinger(0)
	there.Close()
	if _, err := here.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) || !broken(err) {
		t.Errorf("reading: %v", err)
	}
	q.close()
	q.wait()
	q.conclude(0)
	told := 0
	for i, n := range all {
		err := <-n
		if err == nil {
			told++
		}
		if err != nil && !errors.Is(err, ErrEnded) || err == nil && told != i+1 {
			t.Errorf("piece %d: %v", i, err)
		}
	}
	if told > 2 {
		t.Errorf("%d pieces of 4096 bytes were taken by a buffer of 2304", told)
	}
}

// What was on its way when the client ended its side is waited for; the end of the
// stream is no byte of anybody's.
func TestConclude(t *testing.T) {
	here, there := tcp(t, 0)
	q := ownQueue(here)
	done := make(note, 1)
	if err := q.bring(make([]byte, 1000), done); err != nil {
		t.Fatal(err)
	}
	there.CloseWrite()
	if _, err := here.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	q.close()
	q.wait()
	here.CloseWrite()
	q.ended()
	q.conclude(lingerTime)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A queue that is cut tells of what the other end has, and an error of the rest.
func TestCut(t *testing.T) {
	here, _ := tcp(t, 1)
	q := ownQueue(here)
	done := make(note, 1)
	if err := q.bring(make([]byte, 64<<10), done); err != nil {
		t.Fatal(err)
	}
	for q.size() > 0 {
		runtime.Gosched()
	}
	q.cut()
	start := time.Now()
	q.conclude(time.Hour)
	if err := <-done; !errors.Is(err, ErrEnded) || time.Since(start) > time.Minute {
		t.Errorf("told %v", err)
	}
	if q.acks.armed && q.acks.timer.Stop() {
		t.Error("the timer of a connection that is closed goes on")
	}
}

// A connection
// without a socket counts what is written as the client's, and is not waited for.
func TestNoSocket(t *testing.T) {
	s := &sink{}
	q := newQueue(s, 1<<10)
	done := make(note, 1)
	if err := q.bring([]byte("x"), done); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || q.acks != nil {
		t.Errorf("%v, %v", err, q.acks)
	}
	q.close()
	q.wait()
	q.conclude(time.Hour)
}

// One idle connection more that has been told something from a network costs no
// goroutine and no timer; a piece that is brought costs what any other does.
func TestBringCosts(t *testing.T) {
	here, there := tcp(t, 0)
	q := ownQueue(here)
	done := make(note, 1)
	buf, in := make([]byte, 100), make([]byte, 100)
	round := func() {
		if err := q.bring(buf, done); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(there, in); err != nil {
			t.Fatal(err)
		}
		if _, err := there.Write(in[:1]); err != nil { // the acknowledgement rides on it
			t.Fatal(err)
		}
		if _, err := io.ReadFull(here, in[:1]); err != nil {
			t.Fatal(err)
		}
		q.look()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	round()
	if n := testing.AllocsPerRun(200, round); n > 2 {
		t.Errorf("%v allocations for one piece", n)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.acks.armed && !q.acks.timer.Stop() || q.acks.owed != nil {
		t.Errorf("an idle connection holds on to %+v", q.acks)
	}
}

// The limits are on the socket that is accepted.
func TestSilence(t *testing.T) {
	here, _ := tcp(t, 0)
	if err := limitSilence(here, silence); err != nil {
		t.Fatal(err)
	}
	raw, err := here.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if ms, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || ms != 90_000 {
			t.Errorf("%d ms, %v", ms, err)
		}
	})
	if err := limitSilence(&sink{}, silence); err == nil {
		t.Error("no socket, no error")
	}
}

// BenchmarkBring is a message from a network as far as the client's acknowledgement,
// which rides on an answer.
func BenchmarkBring(b *testing.B) {
	here, there := tcp(b, 0)
	q := ownQueue(here)
	done := make(note, 1)
	buf, in := make([]byte, 100), make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		q.bring(buf, done)
		io.ReadFull(there, in)
		there.Write(in[:1])
		io.ReadFull(here, in[:1])
		q.look()
		<-done
	}
}
