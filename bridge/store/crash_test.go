package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wtvgate/bridge/id"
)

// holdEnv makes the test binary a second gateway: it opens the directory named,
// adds messages and tells the number of each once it is stored, until killed.
const holdEnv = "STORE_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		if err := hold(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func hold(dir string) error {
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{})
	if err != nil {
		return err
	}
	if err := s.Update(ctx, func(tx *Tx) error { return tx.CreateAccount(NewAccount{Address: alice}) }); err != nil {
		return err
	}
	for i := 1; ; i++ {
		var n int64
		err := s.Update(ctx, func(tx *Tx) (err error) {
			if _, err = tx.Seen("loopback", id.Event(strconv.Itoa(i))); err != nil {
				return err
			}
			n, err = tx.AddOutgoing(Outgoing{Account: alice, Peer: bob, Network: "loopback", Body: []byte(strconv.Itoa(i))})
			return err
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Println(n); err != nil {
			return err
		}
	}
}

// startHolder gives a running second gateway on the directory and its output.
func startHolder(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), holdEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

func TestKilledProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if locked, err := Locked(dir); err != nil || locked {
		t.Fatalf("Locked of no directory: %v, %v", locked, err)
	}
	cmd, out := startHolder(t, dir)
	stored := 0
	read := func() {
		n, err := strconv.Atoi(out.Text())
		if err != nil || n != stored+1 {
			t.Fatalf("the other process says %q after %d", out.Text(), stored)
		}
		stored = n
	}
	for stored < 20 && out.Scan() {
		read()
	}
	if locked, err := Locked(dir); err != nil || !locked {
		t.Errorf("Locked while it runs: %v, %v", locked, err)
	}
	_, err := Open(t.Context(), dir, Options{})
	wantIs(t, err, ErrLocked)
	prefix := fmt.Sprintf("store: another wtvgate (pid %d, since 20", cmd.Process.Pid)
	if text := err.Error(); !strings.HasPrefix(text, prefix) || !strings.HasSuffix(text, " UTC) runs on this data; stop it first") {
		t.Errorf("refusal %q, want it to begin with %q", text, prefix)
	}
	if err := cmd.Process.Kill(); err != nil { // SIGKILL: nobody tidies up
		t.Fatal(err)
	}
	for out.Scan() { // what it had told before it died
		read()
	}
	_ = cmd.Wait()
	if locked, err := Locked(dir); err != nil || locked {
		t.Errorf("Locked after it died: %v, %v", locked, err)
	}
	wantWhole(t, openAt(t, dir, newClock()), stored)
}

// wantWhole checks that at least that many messages are there, each once, in
// order, with its mark.
func wantWhole(t *testing.T, s *Store, atLeast int) {
	t.Helper()
	var check string
	if err := s.DB().QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
		t.Fatalf("integrity: %s, %v", check, err)
	}
	got := 0
	for {
		o, err := s.NextOutgoing(t.Context(), id.Conversation{Account: alice, Peer: bob})
		if err != nil {
			wantIs(t, err, ErrNotFound)
			break
		}
		got++
		if string(o.Body) != strconv.Itoa(got) || o.ID != int64(got) {
			t.Fatalf("message %d is number %d with body %s", got, o.ID, o.Body)
		}
		update(t, s, func(tx *Tx) error {
			if fresh, err := tx.Seen("loopback", id.Event(strconv.Itoa(got))); err != nil || fresh {
				t.Errorf("message %d has no mark: %v, %v", got, fresh, err)
			}
			return tx.SetOutgoing(o.ID, Sent, "", "")
		})
	}
	if got < atLeast {
		t.Errorf("%d messages, %d were acknowledged", got, atLeast)
	}
}

// TestPowerCut copies the directory while it is open, as a disk keeps it when
// the power goes: the database, and beside it a WAL that nobody closed.
func TestPowerCut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openAt(t, dir, newClock())
	withAccounts(t, s)
	const many = 30
	for i := 1; i <= many; i++ {
		update(t, s, func(tx *Tx) error {
			_, err := tx.Seen("loopback", id.Event(strconv.Itoa(i)))
			return err
		})
		addOut(t, s, alice, bob, strconv.Itoa(i))
	}
	var after string
	_ = s.Update(t.Context(), func(tx *Tx) error { // a transaction under way is not in the copy
		if _, err := tx.AddOutgoing(Outgoing{Account: alice, Peer: bob, Body: []byte("unfinished")}); err != nil {
			t.Error(err)
		}
		after = filepath.Join(t.TempDir(), "after")
		if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
			t.Error(err)
		}
		return io.EOF
	})
	if err := os.Remove(filepath.Join(after, databaseName+"-shm")); err != nil { // memory, not disk
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(after, databaseName+"-wal")); err != nil || info.Size() == 0 {
		t.Fatalf("no WAL in the copy: %v", err)
	}
	if err := os.Chmod(filepath.Join(after, keyName), 0o600); err != nil { // CopyFS may widen modes
		t.Fatal(err)
	}
	c := openAt(t, after, newClock())
	wantWhole(t, c, many)
	if c.Salt() != s.Salt() {
		t.Error("the copy has another salt")
	}
}

func TestSecondOpenInOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, newClock())
	_, err := Open(t.Context(), dir, Options{})
	wantIs(t, err, ErrLocked)
	want := fmt.Sprintf("store: another wtvgate (pid %d, since 2026-03-04 05:06:07 UTC) runs on this data; stop it first", os.Getpid())
	if err.Error() != want {
		t.Errorf("refusal %q, want %q", err, want)
	}
	if locked, err := Locked(dir); err != nil || !locked {
		t.Errorf("Locked: %v, %v", locked, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Open(ctx, dir, Options{})
	wantIs(t, err, context.Canceled)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if locked, err := Locked(dir); err != nil || locked {
		t.Errorf("Locked after Close: %v, %v", locked, err)
	}
	openAt(t, dir, newClock())
}

func TestOpenWaitsForAShortHold(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, newClock())
	opened := make(chan error, 1)
	go func() {
		second, err := Open(context.Background(), dir, Options{})
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("the second one did not wait: %v", err)
	}
}

func TestLockTextOfAnother(t *testing.T) {
	for text, want := range map[string]string{"": "pid unknown", "\x00\n": "pid unknown", "pid 1,\nsince\x1b[31m": "pid 1,since[31m",
		strings.Repeat("x", 1000): strings.Repeat("x", maxLockText)} {
		f, err := os.Create(filepath.Join(t.TempDir(), "lock"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if got := holder(f); got != want {
			t.Errorf("holder of %q is %q, want %q", text, got, want)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
