package sb_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// raw is a switchboard connection without a script.
type raw struct {
	net.Conn
	r *bufio.Reader
}

// pair opens a board with both accounts in it, by Alice calling Bob; names are
// those of their signed-in connections.
func pair(t testing.TB, sc *scene, a, from, b, to string) (raw, raw) {
	t.Helper()
	sc.r.Vars = map[string]string{"challenge": msnptest.Challenge}
	sc.r.Do(strings.NewReplacer("$A", a, "$F", from, "$B", b, "$T", to).Replace(
		"C$A> XFR 1 SB\nS$A> XFR 1 SB * CKI {k1}"))
	x := enter(t, sc, "USR 1 "+from+" "+sc.r.Vars["k1"], "USR 1 OK")
	fmt.Fprintf(x, "CAL 2 %s\r\n", to)
	x.until(t, "CAL 2")
	sc.r.Do("S" + b + "> RNG {id} * CKI {k2} " + from + " *")
	y := enter(t, sc, "ANS 1 "+to+" "+sc.r.Vars["k2"]+" "+sc.r.Vars["id"], "ANS 1 OK")
	x.until(t, "JOI")
	return x, y
}

func enter(t testing.TB, sc *scene, line, answer string) raw {
	t.Helper()
	nc, err := net.Dial("tcp", sc.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	c := raw{nc, bufio.NewReader(nc)}
	fmt.Fprintf(c, "%s\r\n", line)
	c.until(t, answer)
	return c
}

// until reads lines up to one that begins with prefix.
func (c raw) until(t testing.TB, prefix string) string {
	t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatalf("waiting for %s: %v", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
}

// relayed passes n messages from x to y with that acknowledgement letter.
func relayed(t testing.TB, x, y raw, out, in []byte, ack bool) {
	t.Helper()
	if _, err := x.Write(out); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(y.r, in); err != nil {
		t.Fatal(err)
	}
	if ack {
		if _, err := x.r.ReadSlice('\n'); err != nil {
			t.Fatal(err)
		}
	}
}

func frames(letter string) (out, in []byte) {
	text := wire.TextMessage("Hello Bob", true)
	out = wire.AppendPayload(nil, text, "MSG", "7", letter)
	in = wire.AppendPayload(nil, text, "MSG", "alice@example.net", "Alice")
	return out, in
}

// Allocations of one relayed message, all goroutines of the process counted:
// the command's line, its parameters and its payload come from wire.Reader, and
// an acknowledged message has a receipt.
func TestRelayAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	sc := start(t, server.Options{}, "AB")
	x, y := pair(t, sc, "A", "alice@example.net", "B", "bob@example.net")
	for letter, want := range map[string]float64{"U": 3, "N": 4, "A": 4} {
		out, in := frames(letter)
		relayed(t, x, y, out, in, letter == "A")
		got := testing.AllocsPerRun(500, func() { relayed(t, x, y, out, in, letter == "A") })
		if got > want {
			t.Errorf("MSG %s: %v allocations, want at most %v", letter, got, want)
		}
	}
}

func BenchmarkRelay(b *testing.B) {
	for _, letter := range []string{"U", "A"} {
		b.Run(letter, func(b *testing.B) {
			sc := start(b, server.Options{}, "AB")
			x, y := pair(b, sc, "A", "alice@example.net", "B", "bob@example.net")
			out, in := frames(letter)
			b.SetBytes(int64(len(out)))
			b.ReportAllocs()
			for b.Loop() {
				relayed(b, x, y, out, in, letter == "A")
			}
		})
	}
}

// BenchmarkRelayBurst has 64 messages on the way at once.
func BenchmarkRelayBurst(b *testing.B) {
	sc := start(b, server.Options{}, "AB")
	x, y := pair(b, sc, "A", "alice@example.net", "B", "bob@example.net")
	out, in := frames("U")
	out, in = bytes.Repeat(out, 64), bytes.Repeat(in, 64)
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		relayed(b, x, y, out, in, false)
	}
}

// A client that does not read is cut when its queue is full, with a reason, and
// the writer gets NAK; meanwhile another pair talks as before, and not a byte of
// theirs is lost.
func TestSlowReader(t *testing.T) {
	log := newLogLines()
	limits := msnptest.Unlimited
	limits.Queue = 48 << 10 // below what the writer would wait for: here it is the limit that acts
	sc := start(t, server.Options{Logger: log.logger(), Limits: limits}, "ABC")
	sc.Backend.Add("dave@example.net", "Dave", "hunter22")
	sc.r.SignIn("D", "MSNP6", "dave@example.net", "hunter22")
	writer, slow := pair(t, sc, "A", "alice@example.net", "B", "bob@example.net")
	_ = slow // reads nothing from now on
	fast, peer := pair(t, sc, "C", "carol@example.net", "D", "dave@example.net")

	// Everything the writer hears until it is told NAK.
	nak := make(chan string, 1)
	go func() {
		for {
			line, err := writer.r.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "NAK") {
				nak <- line
				return
			}
		}
	}()
	flood := wire.AppendPayload(nil, bytes.Repeat([]byte("x"), wire.MaxPayload), "MSG", "9", "N")
	text := wire.TextMessage("still fast", true)
	out := wire.AppendPayload(nil, text, "MSG", "7", "U")
	in := wire.AppendPayload(nil, text, "MSG", "carol@example.net", "carol@example.net")
	got := make([]byte, len(in))
	for sent := 0; ; sent += len(flood) {
		if sent > 64<<20 {
			t.Fatalf("%d bytes were taken for a client that reads nothing", sent)
		}
		if _, err := writer.Write(flood); err != nil {
			t.Fatal(err)
		}
		relayed(t, fast, peer, out, got, false)
		if !bytes.Equal(got, in) {
			t.Fatalf("the other pair got %q", got)
		}
		select {
		case line := <-nak:
			if line != "NAK 9\r\n" {
				t.Fatalf("writer was told %q", line)
			}
		default:
			continue
		}
		break
	}
	sc.r.Do("SA> [quiet]\nSC> [quiet]")
	log.await("reason=\"slow reader\"")
	if n := sc.Stats().SlowReaders; n != 1 {
		t.Errorf("%d slow readers counted", n)
	}
}

// What each participant writes reaches each other one in order, guests' too.
func TestOrder(t *testing.T) {
	const n = 300
	sc := start(t, server.Options{}, "ABC")
	a, b := pair(t, sc, "A", "alice@example.net", "B", "bob@example.net")
	fmt.Fprint(a, "CAL 3 coolcat@discord.com\r\n")
	a.until(t, "JOI coolcat")
	b.until(t, "JOI coolcat")
	var wg sync.WaitGroup
	for _, c := range []raw{a, b} {
		wg.Go(func() {
			for i := range n {
				c.Write(wire.AppendPayload(nil, []byte(fmt.Sprint(i)), "MSG", "1", "U"))
			}
		})
	}
	delivered := make(chan int, n)
	wg.Go(func() {
		<-sc.cool.Events()
		for i := range n {
			sc.cool.Board().Deliver(sc.cool.Self, []byte(fmt.Sprint(i)), func(err error) {
				if err != nil {
					t.Error(err)
				}
				delivered <- i
			})
		}
	})
	for name, c := range map[string]raw{"a": a, "b": b} {
		wg.Go(func() {
			next := map[string]int{}
			for range 2 * n {
				line, err := c.r.ReadString('\n')
				if err != nil {
					t.Error(name, err)
					return
				}
				f := strings.Fields(line)
				body := make([]byte, len(fmt.Sprint(next[f[1]])))
				if f[0] != "MSG" || f[3] != fmt.Sprint(len(body)) {
					t.Errorf("%s: %q while waiting for %d", name, line, next[f[1]])
					return
				}
				io.ReadFull(c.r, body)
				if string(body) != fmt.Sprint(next[f[1]]) {
					t.Errorf("%s: %s wrote %s, want %d", name, f[1], body, next[f[1]])
				}
				next[f[1]]++
			}
		})
	}
	wg.Wait()
	for range n {
		<-delivered
	}
}
