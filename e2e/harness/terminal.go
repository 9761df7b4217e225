package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is `wtvgate box` at a terminal of its own, whose keys the test has.
type Terminal struct {
	Cols, Rows int

	t    testing.TB
	keys *os.File // the side of whoever sits before the terminal

	mu      sync.Mutex
	wrote   []byte
	changed chan struct{}
}

// Terminal signs an account's box in at a terminal of this size.
func (g *Gateway) Terminal(b *Box, cols, rows int) *Terminal {
	g.t.Helper()
	keys, glass := openTerminal(g.t, cols, rows)
	x := &Terminal{Cols: cols, Rows: rows, t: g.t, keys: keys, changed: make(chan struct{})}
	cmd := exec.Command(g.bin, "--config", "config.yaml", "box", "--account", b.Address, "--ssid", b.ssid)
	cmd.Dir = g.dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = glass, glass, glass
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		g.t.Fatalf("wtvgate box: %v", err)
	}
	glass.Close()
	read := make(chan struct{})
	go func() { defer close(read); x.read() }()
	g.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		<-read
		keys.Close()
	})
	return x
}

// openTerminal makes a terminal and gives both of its sides.
func openTerminal(t testing.TB, cols, rows int) (keys, glass *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(keys.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
	}
	if err == nil {
		glass, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatalf("no terminal: %v", err)
	}
	return keys, glass
}

// read keeps what the program writes, until it ends.
func (x *Terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := x.keys.Read(buf)
		x.mu.Lock()
		x.wrote = append(x.wrote, buf[:n]...)
		close(x.changed)
		x.changed = make(chan struct{})
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Type types a line.
func (x *Terminal) Type(line string) {
	x.t.Helper()
	if _, err := x.keys.WriteString(line + "\r"); err != nil {
		x.t.Fatalf("typing %q: %v", line, err)
	}
}

// Wait waits until a text has been written.
func (x *Terminal) Wait(text string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Wait)
	defer cancel()
	for {
		x.mu.Lock()
		ok, changed := bytes.Contains(x.wrote, []byte(text)), x.changed
		x.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			x.t.Fatalf("the terminal waits in vain for %q; it got %q", text, x.Wrote())
		}
	}
}

// Wrote is all that the terminal got, with its control sequences.
func (x *Terminal) Wrote() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return bytes.Clone(x.wrote)
}
