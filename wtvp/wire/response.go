package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Response is the head of a response. For a box the class of the Status decides (section 2.2): 2xx goes on, 3xx needs a
// Location, and 1xx, 4xx, 5xx show Text as an alert.
type Response struct {
	Status int
	Text   string // the rest of the status line
	Header Header
	// ContentType is written after the Header, before Content-length; "" writes none.
	ContentType string
	// ContentLength is the number in the head, always written. With wtv-lzpf it is the size before compression
	// (section 8.2), otherwise that of the body as sent.
	ContentLength int
}

// AppendTo appends the head, LF line ends, to dst: status line, Header in its order, Content-type, Content-length, blank
// line. Text is made fit for a status line (see StatusText); a header that holds a line end or NUL, has a bad name, or is
// Content-type or Content-length is refused with an error, and dst is not to be used then.
func (r *Response) AppendTo(dst []byte) ([]byte, error) {
	if r.Status < 100 || r.Status > 999 {
		return nil, fmt.Errorf("wire: bad status %d", r.Status)
	}
	if r.ContentLength < 0 {
		return nil, errors.New("wire: negative Content-length")
	}
	dst = append(strconv.AppendInt(dst, int64(r.Status), 10), ' ')
	dst = append(append(dst, StatusText(r.Text)...), '\n')
	for _, f := range r.Header {
		if err := checkField(f); err != nil {
			return nil, err
		}
		if strings.EqualFold(f.Name, "Content-type") || strings.EqualFold(f.Name, "Content-length") {
			return nil, fmt.Errorf("wire: header %s has a field of its own", f.Name)
		}
		dst = appendField(dst, f)
	}
	if r.ContentType != "" {
		f := Field{"Content-type", r.ContentType}
		if err := checkField(f); err != nil {
			return nil, err
		}
		dst = appendField(dst, f)
	}
	dst = append(dst, "Content-length: "...)
	dst = strconv.AppendInt(dst, int64(r.ContentLength), 10)
	return append(dst, "\n\n"...), nil
}

func appendField(dst []byte, f Field) []byte {
	return append(append(append(append(dst, f.Name...), ": "...), f.Value...), '\n')
}

// StatusText makes a text fit for a status line: control characters become spaces, characters outside of Latin-1 become "?",
// the rest is written as Latin-1, which is what a box shows, and cut at MaxStatusText bytes.
func StatusText(s string) string {
	plain := len(s) <= MaxStatusText
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	b := make([]byte, 0, MaxStatusText)
	for _, c := range s {
		if len(b) == MaxStatusText {
			break
		}
		switch {
		case c < ' ', c >= 0x7f && c < 0xa0:
			b = append(b, ' ')
		case c <= 0xff:
			b = append(b, byte(c))
		default:
			b = append(b, '?')
		}
	}
	return string(b)
}

// parseStatusLine reads "NNN text".
func parseStatusLine(line string) (*Response, error) {
	code, text, _ := strings.Cut(line, " ")
	if len(code) != 3 || code[0] < '1' || code[0] > '9' {
		return nil, badRequest("bad status line")
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		return nil, badRequest("bad status line")
	}
	return &Response{Status: n, Text: strings.Trim(text, " \t")}, nil
}
