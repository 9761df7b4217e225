package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Reasons of a ProtocolError. They are stable: logs and counters use them.
const (
	ReasonLineLong = "line too long"
	ReasonControl  = "control byte in line"
	ReasonCommand  = "not a command"
	ReasonLength   = "bad payload length"
	ReasonPayload  = "payload too long"
	ReasonAck      = "bad acknowledgement letter"
	ReasonRefused  = "refused"
)

// ProtocolError is input after which the connection must close without a reply
// (msnp.md 2.1, 2.4, 3).
type ProtocolError struct {
	Reason string // one of the Reason constants, or what a PayloadFunc gave
	Line   string // the line, shortened and with secrets hidden; may be logged
}

// Error gives reason and line.
func (e *ProtocolError) Error() string {
	if e.Line == "" {
		return "wire: " + e.Reason
	}
	return "wire: " + e.Reason + ": " + e.Line
}

const (
	// startBuffer is small because most connections are idle boxes, 10,000 of
	// them (design.md 8); nearly every line a box sends fits.
	startBuffer = 256
	// busyBuffer is how far an empty buffer grows for a client that sends more
	// than it holds: some twenty messages in one read.
	busyBuffer = 4096
	// fullBuffer holds the longest line with its end.
	fullBuffer = MaxLine + 2
	// maxEmptyReads: a source that returns nothing so often in a row is broken.
	maxEmptyReads = 100
)

// Reader takes a stream of bytes apart into commands, however the bytes arrive.
// It belongs to one goroutine. After an error it gives that error for ever.
type Reader struct {
	src     io.Reader
	payload PayloadFunc
	buf     []byte
	pos     int  // first byte not parsed
	end     int  // behind the last byte read
	last    int  // bytes of the last read
	filled  bool // it filled the buffer
	err     error
}

// NewReader reads from r; p knows which lines carry a payload (FromClient,
// FromServer).
func NewReader(r io.Reader, p PayloadFunc) *Reader {
	return &Reader{src: r, payload: p, buf: make([]byte, startBuffer)}
}

// Buffered is how many bytes were read and not parsed yet. When it is 0 the
// client waits for what was answered so far: the time to flush.
func (r *Reader) Buffered() int { return r.end - r.pos }

// Await returns when there is something to parse, reading from the source if
// need be; its errors are those of Read. Calling it before Read lets a connection
// wait with a flat stack: Read is three times as deep when it comes to the source.
func (r *Reader) Await() error {
	if r.err == nil && r.end == r.pos {
		r.err = r.fill()
	}
	return r.err
}

// Read gives the next command. Blank lines are skipped, LF alone ends a line,
// spaces may be doubled or trail (msnp.md 2.1). The error is io.EOF when the
// stream ended between commands, io.ErrUnexpectedEOF when within one, a
// *ProtocolError for what must close the connection, else what the source gave.
func (r *Reader) Read() (Command, error) {
	if r.err != nil {
		return Command{}, r.err
	}
	cmd, err := r.read()
	if err != nil {
		r.err = err
		return Command{}, err
	}
	return cmd, nil
}

func (r *Reader) read() (Command, error) {
	for {
		line, err := r.line()
		if err != nil {
			return Command{}, err
		}
		if hasControl(line) {
			return Command{}, &ProtocolError{Reason: ReasonControl, Line: RedactLine(string(line))}
		}
		text := string(line)
		verb, args := split(text)
		if verb == "" {
			continue
		}
		if !isVerb(verb) && !isCode(verb) {
			return Command{}, &ProtocolError{Reason: ReasonCommand, Line: RedactLine(text)}
		}
		return r.finish(Command{Verb: verb, Args: args})
	}
}

// finish reads the payload, if the line announces one.
func (r *Reader) finish(cmd Command) (Command, error) {
	n, ok, err := r.payload(cmd.Verb, cmd.Args)
	if err != nil {
		var pe *ProtocolError
		if errors.As(err, &pe) {
			return cmd, &ProtocolError{Reason: pe.Reason, Line: Redact(cmd)}
		}
		return cmd, &ProtocolError{Reason: ReasonRefused, Line: Redact(cmd)}
	}
	if !ok {
		return cmd, nil
	}
	cmd.Payload = make([]byte, n)
	have := copy(cmd.Payload, r.buf[r.pos:r.end])
	r.pos += have
	// The rest comes straight from the source, so the buffer stays small.
	if _, err := io.ReadFull(r.src, cmd.Payload[have:]); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return cmd, err
	}
	return cmd, nil
}

// line is the next line without its end; valid until the next call.
func (r *Reader) line() ([]byte, error) {
	seen := 0 // bytes from pos on that hold no LF
	for {
		if i := bytes.IndexByte(r.buf[r.pos+seen:r.end], '\n'); i >= 0 {
			line := r.buf[r.pos : r.pos+seen+i]
			r.pos += seen + i + 1
			line = bytes.TrimSuffix(line, []byte{'\r'})
			if len(line) > MaxLine {
				return nil, &ProtocolError{Reason: ReasonLineLong, Line: RedactLine(string(line))}
			}
			return line, nil
		}
		seen = r.end - r.pos
		if seen >= fullBuffer {
			return nil, &ProtocolError{Reason: ReasonLineLong, Line: RedactLine(string(r.buf[r.pos:r.end]))}
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads at least one byte more into the buffer.
func (r *Reader) fill() error {
	r.room()
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		r.last, r.filled = n, r.end == len(r.buf)
		switch {
		case n > 0:
			return nil // an error that came along comes again
		case errors.Is(err, io.EOF) && r.end > r.pos:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// room makes sure that the buffer has space behind end: by moving what is in it
// to the front, or by growing. It also grows while reads fill it, so that a busy
// client is read in few pieces, and when it is empty it shrinks again, so that
// one long line or busy hour does not cost memory for the rest of the session.
func (r *Reader) room() {
	have, size := r.end-r.pos, len(r.buf)
	switch {
	case r.filled && size < busyBuffer:
		size *= 2
	case have == 0 && r.last < startBuffer:
		size = startBuffer
	case have == size:
		size = min(2*size, fullBuffer)
	}
	r.filled = false
	switch {
	case size != len(r.buf):
		fresh := make([]byte, size)
		copy(fresh, r.buf[r.pos:r.end])
		r.buf = fresh
	case have > 0 && r.end < size:
		return // there is space, and nothing to gain from moving
	case have > 0:
		copy(r.buf, r.buf[r.pos:r.end])
	}
	r.pos, r.end = 0, have
}

// split takes a line apart at runs of spaces.
func split(line string) (verb string, args []string) {
	rest := strings.Trim(line, " ")
	if rest == "" {
		return "", nil
	}
	n := 0
	for i := 1; i < len(rest); i++ {
		if rest[i] != ' ' && rest[i-1] == ' ' {
			n++
		}
	}
	verb, rest, _ = strings.Cut(rest, " ")
	if n == 0 {
		return verb, nil
	}
	args = make([]string, 0, n)
	for rest = strings.TrimLeft(rest, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		var arg string
		arg, rest, _ = strings.Cut(rest, " ")
		args = append(args, arg)
	}
	return verb, args
}

// hasControl: NUL and other control bytes within a line end the session
// (msnp.md 2.1). Bytes above 0x7F are text in some charset.
func hasControl(line []byte) bool {
	for _, b := range line {
		if b < ' ' || b == 0x7F {
			return true
		}
	}
	return false
}
