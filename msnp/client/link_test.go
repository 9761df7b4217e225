package client

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"wtvgate/msnp/wire"
)

// Answers find their questions whatever the order, with notices in between.
func TestInterleaved(t *testing.T) {
	ctx := testContext(t)
	s, c := signIn7Client(t, ctx, signIn7+`NS C: URL 4 INBOX
NS C: URL 5 COMPOSE
NS S: RNG 4 h:1863 CKI 1.2 bob@example.net Bob%20Smith
NS S: NLN NLN bob@example.net Bob%20Smith
NS S: URL 5 /b / 2
NS S: URL 99 /nobody / 2
NS S: URL 4 /a / 2
NS C: [closed]`)
	first := make(chan string, 1)
	go func() {
		r, _ := c.Send(ctx, "URL", "INBOX")
		first <- r.Arg(1)
	}()
	// The script compares the order, so the second waits for the first's turn.
	until(t, ctx, func() bool { return c.link.nextID() == 5 })
	if r, err := c.Send(ctx, "URL", "COMPOSE"); r.Arg(1) != "/b" || err != nil {
		t.Errorf("second: %+v, %v", r, err)
	}
	if got := <-first; got != "/a" {
		t.Errorf("first: %q", got)
	}
	must[Ringing](t, ctx, c.Events())
	must[Presence](t, ctx, c.Events())
	if o := must[Other](t, ctx, c.Events()); o.Arg(0) != "99" {
		t.Errorf("other %+v", o)
	}
	c.Close()
	s.finish(t)
}

// until waits for what another goroutine is about to do.
func until(t *testing.T, ctx context.Context, done func() bool) {
	t.Helper()
	for !done() {
		if ctx.Err() != nil {
			t.Fatal("it never happened")
		}
		runtime.Gosched()
	}
}

func (l *link) nextID() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// pipe is a link whose other end the test reads: a write there returns when the
// bytes were read here, and the other way round.
func pipe(t *testing.T) (*link, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	o := alice()
	l := newLink(near, 4, 4, &o, noticeEvent)
	t.Cleanup(func() {
		far.Close()
		l.close()
	})
	return l, far
}

func read(t *testing.T, far net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != want {
		t.Fatalf("client sent %q, %v", got, err)
	}
}

// A call that is given up leaves nothing behind; its late answer is an Other.
func TestGivenUp(t *testing.T) {
	ctx := testContext(t)
	l, far := pipe(t)
	c := &Client{link: l, dialect: wire.MSNP7}
	gave := make(chan error, 1)
	short, cancel := context.WithCancel(ctx)
	go func() { _, err := c.Sync(short, 0); gave <- err }()
	read(t, far, "SYN 4 0\r\n")
	cancel()
	if err := <-gave; !errors.Is(err, context.Canceled) || l.waiting() != 0 {
		t.Errorf("given up: %v, %d wait", err, l.waiting())
	}
	short, cancel = context.WithCancel(ctx)
	go func() { gave <- c.Ping(short) }()
	read(t, far, "PNG\r\n")
	cancel()
	if err := <-gave; !errors.Is(err, context.Canceled) || l.waiting() != 0 {
		t.Errorf("given up: %v, %d wait", err, l.waiting())
	}
	if _, err := io.WriteString(far, "SYN 4 9\r\nQNG\r\n"); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"SYN", "QNG"} {
		if o := must[Other](t, ctx, c.Events()); o.Verb != verb {
			t.Errorf("other %+v", o)
		}
	}
	if err := c.Ping(short); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	go func() { gave <- c.Ping(ctx) }()
	read(t, far, "PNG\r\n")
	if _, err := io.WriteString(far, "QNG\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-gave; err != nil {
		t.Error(err)
	}
}

func (l *link) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// When nobody receives events, reading stops; nothing is lost; Close ends it.
func TestBackPressure(t *testing.T) {
	ctx := testContext(t)
	l, far := pipe(t)
	wrote := make(chan int, 1)
	go func() {
		n := 0
		for ; n < 100; n++ {
			if _, err := io.WriteString(far, "NLN NLN a@b.c "+strconv.Itoa(n)+"\r\n"); err != nil {
				break
			}
		}
		wrote <- n
	}()
	for i := range 50 {
		if p := must[Presence](t, ctx, l.events); p.Name != strconv.Itoa(i) {
			t.Fatalf("event %d is %+v", i, p)
		}
	}
	// 50 taken, 4 queued, one in the reader's hand, one in the pipe or the buffer.
	l.close()
	if n := <-wrote; n < 50 || n > 60 {
		t.Errorf("server could write %d lines", n)
	}
	n := 0
	for range l.events {
		n++
	}
	if n > 4 {
		t.Errorf("%d events were queued", n)
	}
}

// A server that does not read: the write ends with its context. Before the
// first byte that harms nothing; within a line it ends the connection.
func TestWriteInterrupted(t *testing.T) {
	l, far := pipe(t)
	gave := make(chan error, 2)
	start := func(verb string) context.CancelFunc {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { _, err := l.send(ctx, verb); gave <- err }()
		return cancel
	}
	check := func(what string) {
		t.Helper()
		if err := <-gave; !errors.Is(err, context.Canceled) || l.waiting() > 1 {
			t.Errorf("%s: %v, %d wait", what, err, l.waiting())
		}
	}
	cancelFirst := start("URL")
	until(t, testContext(t), func() bool { return l.waiting() == 1 })
	start("INF")()
	check("waiting for a turn")
	cancelFirst()
	check("writing")
	cancel := start("VER")
	read(t, far, "V") // the rest of the line waits
	cancel()
	check("within a line")
	if e, ok := (<-l.events).(Closed); !ok || !errors.Is(e.Err, context.Canceled) {
		t.Errorf("closed with %v", e.Err)
	}
	if err := l.ping(context.Background()); !errors.Is(err, context.Canceled) {
		t.Errorf("ping after the end: %v", err)
	}
	if err := l.leave(context.Background()); !errors.Is(err, context.Canceled) {
		t.Errorf("leaving after the end: %v", err)
	}
}

// A server that hears OUT and does not close: the client does, when its
// context ends.
func TestLeaveUnanswered(t *testing.T) {
	l, far := pipe(t)
	ctx, cancel := context.WithCancel(context.Background())
	gave := make(chan error, 1)
	go func() { gave <- l.leave(ctx) }()
	read(t, far, "OUT\r\n")
	cancel()
	if err := <-gave; !errors.Is(err, context.Canceled) {
		t.Errorf("leaving: %v", err)
	}
	if e := <-l.events; e != (Closed{}) {
		t.Errorf("closed: %+v", e)
	}
}

// Many callers at once, and a Close in the middle: every call ends.
func TestConcurrentClose(t *testing.T) {
	ctx := testContext(t)
	l, far := pipe(t)
	go func() { // answers everything
		r := wire.NewReader(far, wire.FromClient)
		for {
			cmd, err := r.Read()
			if err != nil {
				return
			}
			reply := wire.AppendLine(nil, "QNG")
			if cmd.Verb != "PNG" {
				reply = wire.AppendLine(nil, cmd.Verb, cmd.Arg(0), "x")
			}
			if _, err := far.Write(reply); err != nil {
				return
			}
		}
	}()
	var wg sync.WaitGroup
	half := make(chan struct{}, 8)
	for range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				_, err := l.send(ctx, "URL", "x")
				if err == nil {
					err = l.ping(ctx)
				}
				if err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				if i == 20 {
					half <- struct{}{}
				}
			}
		})
	}
	for range 8 {
		<-half
	}
	l.close()
	wg.Wait()
	if n := l.waiting(); n != 0 {
		t.Errorf("%d calls wait", n)
	}
}

func TestDefaults(t *testing.T) {
	var dialed string
	o := Options{Dial: func(_ context.Context, network, address string) (net.Conn, error) {
		dialed = network + " " + address
		return nil, io.EOF
	}}
	for in, want := range map[string]string{"192.0.2.1": "tcp 192.0.2.1:1863", "h:1864": "tcp h:1864"} {
		if _, err := o.dial(context.Background(), in); err != io.EOF || dialed != want {
			t.Errorf("%s: dialed %s", in, dialed)
		}
	}
	if d := o.dialects(); !reflect.DeepEqual(d, []wire.Dialect{wire.MSNP8}) {
		t.Errorf("offer %v", d)
	}
	if got, err := Password("hunter22")(context.Background(), "1726321960.104729"); got != "1c2bd3b5837ea132b7befba304a26e43" || err != nil {
		t.Errorf("response %q, %v", got, err)
	}
	if firstLine([]byte("no end")) != "no end" {
		t.Error("firstLine")
	}
}
