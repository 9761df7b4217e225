package box

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/ns"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// inFlight is how many rows of a conversation are on their way to an account's box.
func (r *rig) inFlight(name, peer string) (n int) {
	r.t.Helper()
	a := r.gw.seatOf(acct(name))
	if err := a.do(r.t.Context(), func() error {
		for p, t := range a.talks {
			if string(p) == peer {
				n = t.flying
			}
		}
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// TestLineReset: a box that takes in nothing more and whose line is then reset has
// what its end of the line had taken, as the friend is told; the rest is shown when
// it is rung again, in order.
func TestLineReset(t *testing.T) {
	r := newRig(t)
	b := r.online("alice", wire.MSNP8)
	r.writes("alice", "one")
	ring := next[msnp.Ringing](t, b.Events())
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }); e != nil {
			return e
		}
		return err
	}}
	nc, err := d.DialContext(t.Context(), "tcp", ring.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(nc, "ANS 1 %s %s %d\r\n", acct("alice"), ring.Cookie, ring.Session)
	in := bufio.NewReader(nc)
	for line := ""; !strings.HasSuffix(line, "one"); {
		part, err := in.ReadByte()
		if err != nil {
			t.Fatalf("after %q: %v", line, err)
		}
		line += string(part)
	}
	r.asked("read $1")
	const more = 12
	long := strings.Repeat("la ", 300)
	for i := range more {
		r.writes("alice", fmt.Sprintf("%d %s", i, long))
	}
	for until := time.Now().Add(patience); r.inFlight("alice", bob) < more-3; runtime.Gosched() { // a few may have been taken in
		if time.Now().After(until) {
			t.Fatal("what a box has not taken in counts as delivered")
		}
	}
	nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
	talk := b.open(bob) // as soon as it likes: it waits for what became of the rest
	first := next[msnp.Message](t, talk.Events())
	var n int
	if _, err := fmt.Sscanf(first.Text(), "%d ", &n); err != nil || n > 3 {
		t.Fatalf("first comes %q: %v", first.Text(), err)
	}
	for n++; n < more; n++ {
		talk.reads(fmt.Sprintf("%d %s", n, strings.TrimSpace(long)))
	}
	for got := ""; got != fmt.Sprint("read $", more+1); {
		got = <-r.net.calls
	}
	none[msnp.Ringing](b) // nothing is left
}

// TestDeadLine: the box's line dies without a word. What is written to it then is
// not told to be read; the line is found dead, and the box that dials in again is
// shown it. Needs a network of its own, which the system may not allow.
func TestDeadLine(t *testing.T) {
	ln, dial, pull := phoneLine(t)
	r := newRig(t)
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ms := server.New(server.Options{Backend: r.gw, Boards: r.boards, Services: []server.Service{ns.Service(), r.boards.Service()},
		Logger: log, Limits: server.Limits{Silence: 2 * time.Second}})
	var wg sync.WaitGroup
	wg.Go(func() { ms.Serve(t.Context(), ln) })
	defer wg.Wait()
	defer func() {
		last, stop := context.WithTimeout(context.Background(), 20*time.Second)
		defer stop()
		if err := ms.Shutdown(last); err != nil {
			t.Errorf("shutdown with a dead line: %v", err)
		}
	}()
	c, err := msnp.SignIn(t.Context(), ln.Addr().String(), msnp.Options{Address: string(acct("alice")), Dial: dial,
		Dialects: []wire.Dialect{wire.MSNP8}, CVR: msnp.BoxCVR(), Credential: r.credential("alice")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := &box{t: t, Client: c}
	b.status(wire.Online)
	r.writes("alice", "one")
	talk := b.answer(bob)
	talk.reads("one")
	r.asked("read $1")
	pull()
	start := time.Now()
	r.writes("alice", "two")
	r.log.says(t, `reason="dead line"`)
	t.Logf("the line was found dead after %v, with a limit of 2s", time.Since(start).Round(time.Millisecond))
	select {
	case got := <-r.net.calls:
		t.Fatalf("the network was asked to %q for what a dead line swallowed", got)
	default:
	}
	again := r.online("alice", wire.MSNP8)
	if m := next[msnp.Message](t, again.answer(bob).Events()); !strings.HasSuffix(m.Text(), ") two") {
		t.Errorf("read %q, want two with its time", m.Text())
	}
	r.asked("read $2")
}

// space is a thread in a network namespace of its own, which does what it is handed.
// The namespace ends with the last of its sockets; this machine's own network is not
// touched.
type space struct {
	do  chan func()
	tid int
}

// newSpace skips the test where the system allows no namespace.
func newSpace(t *testing.T) *space {
	t.Helper()
	s := &space{do: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		s.tid = unix.Gettid()
		made <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range s.do {
			f()
		}
	}()
	t.Cleanup(func() { close(s.do) })
	if err := <-made; err != nil {
		t.Skipf("no network namespace can be made here: %v", err)
	}
	return s
}

// ip runs the command of that name there.
func (s *space) ip(args ...string) (err error) {
	done := make(chan struct{})
	s.do <- func() {
		defer close(done)
		if out, e := exec.Command("ip", args...).CombinedOutput(); e != nil {
			err = fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), e, out)
		}
	}
	<-done
	return err
}

// phoneLine makes two namespaces with a line between them: ln listens in one, dial
// connects from the other, until pull kills the line.
func phoneLine(t *testing.T) (ln net.Listener, dial func(context.Context, string, string) (net.Conn, error), pull func()) {
	t.Helper()
	near, far := newSpace(t), newSpace(t)
	for _, err := range []error{
		near.ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", fmt.Sprint(far.tid)),
		near.ip("addr", "add", "10.0.0.1/30", "dev", "near"), near.ip("link", "set", "near", "up"),
		far.ip("addr", "add", "10.0.0.2/30", "dev", "far"), far.ip("link", "set", "far", "up"),
	} {
		if err != nil {
			t.Skipf("no line can be made here: %v", err)
		}
	}
	var err error
	done := make(chan struct{})
	near.do <- func() { ln, err = net.Listen("tcp", "10.0.0.1:0"); close(done) }
	if <-done; err != nil {
		t.Fatal(err)
	}
	dial = func(ctx context.Context, network, to string) (nc net.Conn, err error) {
		done := make(chan struct{})
		far.do <- func() { nc, err = new(net.Dialer).DialContext(ctx, network, to); close(done) }
		<-done
		return nc, err
	}
	return ln, dial, func() {
		if err := far.ip("link", "set", "far", "down"); err != nil {
			t.Fatal(err)
		}
	}
}
