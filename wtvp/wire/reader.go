package wire

import (
	"fmt"
	"io"
	"strings"
)

// Source is where a Reader takes its bytes: a *bufio.Reader on the line, or something that deciphers one. ReadByte must not
// take more bytes from under it than it returns, if the caller means to change Sources later.
type Source interface {
	io.Reader
	io.ByteReader
}

// Reader reads heads and bodies from a Source. The zero value is not usable; see NewReader.
type Reader struct {
	src  Source
	line []byte // the line being read; after Await it holds the first bytes of the request line
	head int    // bytes of the head read so far
	gate func() error
}

// Guard has f asked before a head grows beyond Usual bytes, and before a body of more is read: its error ends the reading.
func (r *Reader) Guard(f func() error) { r.gate = f }

// large asks the guard.
func (r *Reader) large() error {
	if r.gate == nil {
		return nil
	}
	return r.gate()
}

// NewReader returns a Reader on src.
func NewReader(src Source) *Reader { return &Reader{src: src} }

// SetSource makes the Reader go on with another Source. Call it only between messages.
func (r *Reader) SetSource(src Source) { r.src = src }

// Await reads until the first bytes of a request have come and keeps them for ReadRequest. It exists so that a server can
// give a quiet connection minutes and a begun head seconds. Line ends before a request are skipped. With surplus, all bytes
// are skipped until one of the methods appears: what follows a POST may be more than its Content-length said. It returns how
// many bytes were skipped; more than MaxSurplus is an *Error. The end of the stream before a request is io.EOF.
func (r *Reader) Await(surplus bool) (skipped int, err error) {
	if cap(r.line) > keepLine {
		r.line = nil
	}
	r.line, r.head = r.line[:0], 0
	for skipped <= MaxSurplus {
		c, err := r.src.ReadByte()
		if err != nil {
			return skipped + len(r.line), err
		}
		if len(r.line) == 0 && (c == '\r' || c == '\n') {
			skipped++
			continue
		}
		r.line = append(r.line, c)
		if !surplus {
			return skipped, nil
		}
		for len(r.line) > 0 && !beginsMethod(r.line) {
			r.line = append(r.line[:0], r.line[1:]...)
			skipped++
		}
		if isMethod(r.line) {
			return skipped, nil
		}
	}
	return skipped, badRequest(fmt.Sprintf("more than %d bytes outside of any request", MaxSurplus))
}

// keepLine is how large a line buffer may be to be kept while a connection is quiet, in bytes: there may be thousands of
// quiet connections, and only a ticket needs more.
const keepLine = 512

// starts are the beginnings of all request lines.
const starts = MethodGet + " \x00" + MethodPost + " \x00" + MethodPut + " \x00" + MethodSecureOn

func beginsMethod(b []byte) bool {
	for s := range strings.SplitSeq(starts, "\x00") {
		if strings.HasPrefix(s, string(b)) {
			return true
		}
	}
	return false
}

func isMethod(b []byte) bool {
	for s := range strings.SplitSeq(starts, "\x00") {
		if s == string(b) {
			return true
		}
	}
	return false
}

// ReadRequest reads the head of a request. It may follow an Await or stand alone. The body is left to ReadBody. Errors are
// *Error, or those of the Source, with io.EOF only if there was no byte at all.
func (r *Reader) ReadRequest() (*Request, error) {
	if len(r.line) == 0 {
		if _, err := r.Await(false); err != nil {
			return nil, err
		}
	}
	line, err := r.readLine()
	if err != nil {
		return nil, err
	}
	req, err := parseRequestLine(line)
	if err != nil {
		return nil, err
	}
	if req.Header, err = r.readHeader(); err != nil {
		return nil, err
	}
	return req, nil
}

// ReadResponse reads the head of a response; Content-type and Content-length go into the fields of those names and stay in
// the Header too. The body is left to ReadBody.
func (r *Reader) ReadResponse() (*Response, error) {
	r.line, r.head = r.line[:0], 0
	line, err := r.readLine()
	if err != nil {
		return nil, err
	}
	resp, err := parseStatusLine(line)
	if err != nil {
		return nil, err
	}
	if resp.Header, err = r.readHeader(); err != nil {
		return nil, err
	}
	if resp.ContentLength, err = resp.Header.contentLength(); err != nil {
		return nil, err
	}
	resp.ContentType = resp.Header.Value("Content-type")
	return resp, nil
}

// ReadBody reads exactly n bytes. What is not there yet is not allocated either, beyond one step: a client that announces a
// body and sends none costs little.
func (r *Reader) ReadBody(n int) ([]byte, error) {
	if n <= 0 {
		return nil, nil
	}
	if n > MaxBody {
		return nil, badRequest(fmt.Sprintf("body of more than %d bytes", MaxBody))
	}
	if n > Usual {
		if err := r.large(); err != nil {
			return nil, err
		}
	}
	const step = 4 << 10
	body := make([]byte, 0, min(n, step))
	for len(body) < n {
		if len(body) == cap(body) {
			grown := make([]byte, len(body), min(n, 2*cap(body)))
			copy(grown, body)
			body = grown
		}
		m, err := io.ReadFull(r.src, body[len(body):min(n, cap(body))])
		body = body[:len(body)+m]
		if err != nil {
			return nil, unexpected(err)
		}
	}
	return body, nil
}

// readHeader reads header lines up to and with the blank line.
func (r *Reader) readHeader() (Header, error) {
	var h Header
	for {
		line, err := r.readLine()
		if err != nil {
			return nil, unexpected(err)
		}
		if line == "" {
			return h, nil
		}
		if len(h) == MaxHeaders {
			return nil, badRequest(fmt.Sprintf("more than %d header lines", MaxHeaders))
		}
		f, err := parseField(line)
		if err != nil {
			return nil, err
		}
		if h == nil {
			h = make(Header, 0, 8)
		}
		h = append(h, f)
	}
}

// readLine reads to the next LF and returns the line without its end, CRLF or LF.
func (r *Reader) readLine() (string, error) {
	line := r.line
	defer func() { r.line = line[:0] }()
	r.head += len(line)
	for len(line) == 0 || line[len(line)-1] != '\n' {
		c, err := r.src.ReadByte()
		if err != nil {
			if r.head > 0 {
				err = unexpected(err)
			}
			return "", err
		}
		line = append(line, c)
		if r.head++; r.head > MaxHead {
			return "", badRequest(fmt.Sprintf("head of more than %d bytes", MaxHead))
		}
		if r.head == Usual+1 {
			if err := r.large(); err != nil {
				return "", err
			}
		}
		if len(line) > MaxLine {
			return "", badRequest(fmt.Sprintf("line of more than %d bytes", MaxLine))
		}
	}
	text := line[:len(line)-1]
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	for _, c := range text {
		if c == 0 || c == '\r' {
			return "", badRequest("NUL or lone CR in a head")
		}
	}
	return string(text), nil
}

// unexpected turns an end of stream in the middle of something into io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
