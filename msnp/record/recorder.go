package record

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of recording: it is for an hour of looking for a fault, and must not
// fill a disk when it is forgotten.
const (
	// MaxRecordings at a time.
	MaxRecordings = 8
	// MaxTime of one recording.
	MaxTime = 24 * time.Hour
	// MaxFile bytes; then the recording ends with a line that says so.
	MaxFile = 16 << 20
	// maxHeld lines of a connection wait for its first command with an address:
	// VER, INF and CVR come before it (msnp.md 4), with their answers.
	maxHeld = 16
)

// Reasons for which a recording does not begin or end.
var (
	ErrRecording    = errors.New("is being recorded already")
	ErrNotRecording = errors.New("is not being recorded")
	ErrTooMany      = fmt.Errorf("%d accounts are being recorded already", MaxRecordings)
)

// Options of a recording.
type Options struct {
	For   time.Duration // at most MaxTime; the recording ends by itself
	Texts bool          // messages as they are, not veiled
}

// State is one recording that goes on.
type State struct {
	Address string
	File    string
	Until   time.Time
	Bytes   int64
	Texts   bool
}

// Recorder makes recordings in a folder, of accounts by their addresses.
type Recorder struct {
	dir string
	log *slog.Logger
	now func() time.Time
	max int64        // MaxFile
	on  atomic.Int32 // how many recordings go on

	mu    sync.Mutex
	files map[string]*file // by address in lower case
}

// New makes a recorder that writes into dir, which need not exist yet.
func New(dir string, log *slog.Logger) *Recorder {
	return &Recorder{dir: dir, log: log, now: time.Now, max: MaxFile, files: make(map[string]*file)}
}

// file is one recording. The recorder's lock guards it.
type file struct {
	State
	began time.Time
	f     *os.File
	w     *bufio.Writer
	timer *time.Timer
	count map[string]int // connections by kind, for their names
	err   error          // of writing: nothing more is written
}

// Start begins a recording and gives its file. Connections that begin from now
// on get into it: whoever is signed in must sign in again. ErrRecording, ErrTooMany.
func (r *Recorder) Start(address string, o Options) (State, error) {
	key := strings.ToLower(address)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.files[key] != nil:
		return State{}, fmt.Errorf("%s %w", address, ErrRecording)
	case len(r.files) >= MaxRecordings:
		return State{}, ErrTooMany
	case o.For <= 0 || o.For > MaxTime:
		return State{}, fmt.Errorf("a recording takes more than 0 s and at most %s", MaxTime)
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return State{}, fmt.Errorf("record: %w", err)
	}
	now := r.now()
	path := filepath.Join(r.dir, fileName(key)+"-"+now.UTC().Format("20060102T150405Z")+".log")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return State{}, fmt.Errorf("record: %w", err)
	}
	rec := &file{State: State{Address: key, File: path, Until: now.Add(o.For), Texts: o.Texts}, began: now, f: f,
		w: bufio.NewWriter(f), count: make(map[string]int)}
	rec.timer = time.AfterFunc(o.For, func() { r.end(rec) })
	r.files[key] = rec
	r.on.Add(1)
	return rec.State, nil
}

// fileName is an address as a file's name.
func fileName(address string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune("@.-", c) {
			return c
		}
		return '_'
	}, address)
}

// Stop ends a recording. ErrNotRecording.
func (r *Recorder) Stop(address string) (State, error) {
	r.mu.Lock()
	rec := r.files[strings.ToLower(address)]
	var state State
	if rec != nil {
		state = rec.State // under the lock: lines still come
	}
	r.mu.Unlock()
	if rec == nil {
		return State{}, fmt.Errorf("%s %w", address, ErrNotRecording)
	}
	return state, r.end(rec)
}

// end closes a recording once.
func (r *Recorder) end(rec *file) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files[rec.Address] != rec {
		return nil
	}
	delete(r.files, rec.Address)
	r.on.Add(-1)
	rec.timer.Stop()
	err := errors.Join(rec.err, rec.w.Flush(), rec.f.Close())
	if err != nil {
		r.log.Warn("a recording is not whole", "account", rec.Address, "err", err)
	}
	return err
}

// Recordings are those that go on, by address.
func (r *Recorder) Recordings() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []State
	for _, rec := range r.files {
		all = append(all, rec.State)
	}
	slices.SortFunc(all, func(a, b State) int { return strings.Compare(a.Address, b.Address) })
	return all
}

// Close ends all recordings.
func (r *Recorder) Close() error {
	var errs []error
	for _, s := range r.Recordings() {
		if _, err := r.Stop(s.Address); !errors.Is(err, ErrNotRecording) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Listener gives ln's connections as they are, and taps those that come while
// something is being recorded.
func (r *Recorder) Listener(ln net.Listener) net.Listener { return listener{ln, r} }

type listener struct {
	net.Listener
	r *Recorder
}

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil || l.r.on.Load() == 0 {
		return nc, err
	}
	return newTap(l.r, nc), nil
}

// find is the recording of an address and the name of a new connection of a
// kind in it; nil if there is none.
func (r *Recorder) find(address, kind string) (*file, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.files[strings.ToLower(address)]
	if rec == nil {
		return nil, ""
	}
	rec.count[kind]++
	return rec, fmt.Sprintf("%s%d", kind, rec.count[kind])
}

// write adds lines to a recording; false: it has ended.
func (r *Recorder) write(rec *file, conn string, lines []line) bool {
	r.mu.Lock()
	if r.files[rec.Address] != rec {
		r.mu.Unlock()
		return false
	}
	for _, l := range lines {
		n, err := rec.w.Write(l.format(conn, l.at.Sub(rec.began), rec.Texts))
		rec.Bytes += int64(n)
		rec.err = errors.Join(rec.err, err)
	}
	full := rec.Bytes > r.max
	if full {
		rec.w.WriteString("# the file is full\n") // its error is Flush's too
	}
	rec.err = errors.Join(rec.err, rec.w.Flush())
	failed := rec.err != nil
	r.mu.Unlock()
	if full || failed {
		r.end(rec) // says so itself
	}
	return !full && !failed
}
