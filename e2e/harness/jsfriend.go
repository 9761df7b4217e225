package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	mid "maunium.net/go/mautrix/id"
)

// JSFriend is a Matrix user with another implementation of everything:
// matrix-js-sdk and its Rust cryptography, in a process of its own. Each is a new
// device.
type JSFriend struct {
	ID     mid.UserID
	Device mid.DeviceID

	t    testing.TB
	hs   *Homeserver
	in   io.WriteCloser
	proc *exec.Cmd
	log  *tail

	mu      sync.Mutex
	next    int
	answers map[int]json.RawMessage
	saw     []Seen
	gone    bool
	changed chan struct{}
}

// Seen is something that a JSFriend saw.
type Seen struct {
	Saw        string
	Room       mid.RoomID
	ID         mid.EventID
	Sender     mid.UserID
	User       mid.UserID
	Type       string
	Body       string
	MsgType    string
	Encrypted  bool
	Failed     bool
	Membership string
	Name       string
	Direct     bool
	On         bool
	Presence   string
}

// JSOption changes how a JSFriend starts.
type JSOption func(map[string]any)

// Strict takes part only with devices that their owners have signed.
func Strict(m map[string]any) { m["strict"] = true }

// Recoverable makes signing keys for the friend and signs its device.
func Recoverable(m map[string]any) { m["recover"] = true }

// NewJSFriend registers a user and starts a client.
func (h *Homeserver) NewJSFriend(name string, o ...JSOption) *JSFriend {
	h.t.Helper()
	h.register(name)
	return h.jsClient(name, o...)
}

// Another starts a further device of the same user.
func (f *JSFriend) Another(o ...JSOption) *JSFriend {
	f.t.Helper()
	return f.hs.jsClient(f.ID.Localpart(), o...)
}

func (h *Homeserver) jsClient(name string, o ...JSOption) *JSFriend {
	h.t.Helper()
	script := installJS(h.t)
	f := &JSFriend{t: h.t, hs: h, log: &tail{}, answers: make(map[int]json.RawMessage), changed: make(chan struct{})}
	f.proc = exec.Command("node", script)
	f.proc.Stderr = f.log
	f.proc.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := f.proc.StdoutPipe()
	if err == nil {
		f.in, err = f.proc.StdinPipe()
	}
	if err == nil {
		err = f.proc.Start()
	}
	if err != nil {
		h.t.Fatalf("the friend's client: %v", err)
	}
	read := make(chan struct{})
	go func() { defer close(read); f.read(out) }()
	h.t.Cleanup(func() {
		f.in.Close()
		_ = f.proc.Process.Kill() // it may have ended
		<-read
		_ = f.proc.Wait()
		if h.t.Failed() {
			h.t.Logf("---- the client of %s said last:\n%s", name, f.log)
		}
	})
	args := map[string]any{"url": h.URL, "user": name, "pass": "password"}
	for _, change := range o {
		change(args)
	}
	var who struct {
		User   mid.UserID
		Device mid.DeviceID
	}
	f.do("start", args, &who)
	f.ID, f.Device = who.User, who.Device
	return f
}

func (f *JSFriend) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		line := slices.Clone(lines.Bytes())
		var head struct {
			N int
			Seen
		}
		if json.Unmarshal(line, &head) != nil {
			continue
		}
		f.note(func() {
			if head.Saw != "" {
				f.saw = append(f.saw, head.Seen)
			} else {
				f.answers[head.N] = line
			}
		})
	}
	f.note(func() { f.gone = true })
}

func (f *JSFriend) note(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// do gives a command and waits for its answer.
func (f *JSFriend) do(cmd string, args map[string]any, answer any) {
	f.t.Helper()
	f.mu.Lock()
	f.next++
	n := f.next
	f.mu.Unlock()
	line := map[string]any{"n": n, "cmd": cmd}
	for k, v := range args {
		line[k] = v
	}
	data, err := json.Marshal(line)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.in.Write(append(data, '\n')); err != nil {
		f.t.Fatalf("the friend's client: %v", err)
	}
	var raw json.RawMessage
	f.wait("an answer to "+cmd, func() bool { raw = f.answers[n]; return raw != nil })
	var failed struct{ Error string }
	_ = json.Unmarshal(raw, &failed)
	if failed.Error != "" {
		f.t.Fatalf("%s: %s: %s", f.ID, cmd, failed.Error)
	}
	if answer != nil {
		if err := json.Unmarshal(raw, answer); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *JSFriend) wait(what string, look func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Wait)
	defer cancel()
	for {
		f.mu.Lock()
		ok, gone, changed := look(), f.gone, f.changed
		f.mu.Unlock()
		if ok {
			return
		}
		if gone {
			f.t.Fatalf("the client of %s has ended", f.ID)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			f.mu.Lock()
			defer f.mu.Unlock()
			f.t.Fatalf("%s waits in vain for %s; saw\n%s", f.ID, what, summary(f.saw))
		}
	}
}

// summary is what a friend saw in a few lines.
func summary(all []Seen) string {
	var b strings.Builder
	for _, s := range all {
		switch s.Saw {
		case "event":
			fmt.Fprintf(&b, "  %s in %s of %s: %q (encrypted %v, failed %v)\n", s.Type, s.Room, s.Sender, s.Body, s.Encrypted, s.Failed)
		case "member":
			fmt.Fprintf(&b, "  %s in %s is %s by %s\n", s.User, s.Room, s.Membership, s.Sender)
		}
	}
	return b.String()
}

// See waits until the friend has seen something that fits.
func (f *JSFriend) See(what string, fits func(Seen) bool) (found Seen) {
	f.t.Helper()
	f.wait(what, func() bool {
		for _, s := range f.saw {
			if fits(s) {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

// WaitText waits for a text that can be read.
func (f *JSFriend) WaitText(room mid.RoomID, from mid.UserID, text string) Seen {
	f.t.Helper()
	return f.See(fmt.Sprintf("%q of %s", text, from), func(s Seen) bool {
		return s.Saw == "event" && s.Room == room && s.Sender == from && s.Body == text && !s.Failed
	})
}

// WaitMember waits for a membership, or for more than one that have come one
// after the other, with others between them.
func (f *JSFriend) WaitMember(room mid.RoomID, user mid.UserID, memberships ...string) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%s to %s", user, memberships), func() bool {
		left := memberships
		for _, s := range f.saw {
			if len(left) > 0 && s.Saw == "member" && s.Room == room && s.User == user && s.Membership == left[0] {
				left = left[1:]
			}
		}
		return len(left) == 0
	})
}

// WaitInvite waits for an invitation into another room than those given.
func (f *JSFriend) WaitInvite(from mid.UserID, known ...mid.RoomID) (room mid.RoomID, direct bool) {
	f.t.Helper()
	s := f.See("an invitation of "+string(from), func(s Seen) bool {
		return s.Saw == "member" && s.User == f.ID && s.Membership == "invite" && s.Sender == from && !slices.Contains(known, s.Room)
	})
	return s.Room, s.Direct
}

// Texts lists what a user wrote in a room, in its order, without what was taken back.
func (f *JSFriend) Texts(room mid.RoomID, from mid.UserID) []string {
	f.t.Helper()
	var found struct{ Bodies []string }
	f.do("timeline", map[string]any{"room": room, "user": from}, &found)
	return slices.DeleteFunc(found.Bodies, func(body string) bool { return body == "" })
}

// Shield is the warning that the client shows at a message; "none" for none.
func (f *JSFriend) Shield(s Seen) string {
	f.t.Helper()
	var found struct{ Shield string }
	f.do("shield", map[string]any{"room": s.Room, "id": s.ID, "user": s.Sender}, &found)
	return found.Shield
}
