package simbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

const (
	// maxLine is the longest line that is read, in bytes: above the 1664 that a
	// message can have (msnp.md 12.3), so that a long one is told to be too long.
	maxLine = 4096
	prompt  = "> "
)

// Screen is where a box shows lines and gets what is typed. On a terminal the line
// that is being typed stays below the others.
type Screen struct {
	mu  sync.Mutex // one line at a time
	out io.Writer
	in  *bufio.Reader

	terminal *term.Terminal // nil on a pipe
	restore  func()
}

// NewScreen is a Screen on plain streams.
func NewScreen(in io.Reader, out io.Writer) *Screen {
	return &Screen{in: bufio.NewReaderSize(in, maxLine), out: out, restore: func() {}}
}

// OpenScreen is a Screen on these streams: with an input line if both are
// terminals. Close must follow.
func OpenScreen(in io.Reader, out io.Writer) (*Screen, error) {
	s := NewScreen(in, out)
	keys, ok1 := in.(*os.File)
	glass, ok2 := out.(*os.File)
	if !ok1 || !ok2 || !term.IsTerminal(int(keys.Fd())) || !term.IsTerminal(int(glass.Fd())) {
		return s, nil
	}
	before, err := term.MakeRaw(int(keys.Fd()))
	if err != nil {
		return nil, fmt.Errorf("simbox: preparing the terminal: %w", err)
	}
	s.restore = func() {
		// The terminal is going away if this fails, and nobody can be told.
		_ = term.Restore(int(keys.Fd()), before)
	}
	s.terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keys, glass}, prompt)
	s.out = &sized{s.terminal, glass}
	return s, nil
}

// sized tells a terminal its width before each line, since windows change.
type sized struct {
	*term.Terminal
	glass *os.File
}

func (s *sized) Write(p []byte) (int, error) {
	// Where nobody said how large the window is, the size is 0.
	if w, h, err := term.GetSize(int(s.glass.Fd())); err == nil && w > 0 && h > 0 {
		if err := s.SetSize(w, h); err != nil {
			return 0, err
		}
	}
	return s.Terminal.Write(p)
}

// Close gives the terminal back as it was.
func (s *Screen) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal != nil {
		s.terminal.SetPrompt("")
		fmt.Fprint(s.out, "\r")
	}
	s.restore()
	s.restore = func() {}
}

// Line shows one line. What stands in it is to be clean already.
func (s *Screen) Line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Whoever reads us is gone if this fails; then the input ends too.
	_, _ = io.WriteString(s.out, text+"\n")
}

// Password reads the first line, which is not shown. It is for before Lines.
func (s *Screen) Password(ask string) (string, error) {
	var line string
	var err error
	if s.terminal != nil {
		line, err = s.terminal.ReadPassword(ask)
	} else {
		line, _, err = s.read()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && line == "" {
		err = errors.New("no password came on standard input")
	}
	return line, err
}

// typed is a line of the person's.
type typed struct {
	text string
	long bool // it was too long and is not here
}

// Lines reads until the input or ctx ends, then closes the channel. On a terminal,
// where Ctrl-C and Ctrl-D end the input, it calls interrupted too. The goroutine
// that reads may stay in its last read; nobody can interrupt that.
func (s *Screen) Lines(ctx context.Context, interrupted func()) <-chan typed {
	lines := make(chan typed)
	go func() {
		defer close(lines)
		for {
			var line typed
			var err error
			if s.terminal != nil {
				if line.text, err = s.terminal.ReadLine(); errors.Is(err, term.ErrPasteIndicator) {
					err = nil
				}
			} else {
				line.text, line.long, err = s.read()
			}
			if err == nil || line.text != "" {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				if s.terminal != nil {
					interrupted()
				}
				return
			}
		}
	}()
	return lines
}

// read gives the next line of a pipe; of one that is too long nothing.
func (s *Screen) read() (text string, long bool, err error) {
	part, err := s.in.ReadSlice('\n')
	text = string(part)
	for errors.Is(err, bufio.ErrBufferFull) {
		text, long = "", true
		_, err = s.in.ReadSlice('\n')
	}
	if long {
		text = ""
	}
	return strings.TrimRight(text, "\r\n"), long, err
}
