package wire

import (
	"errors"
	"fmt"
	"strings"
)

// Field is one header line.
type Field struct{ Name, Value string }

// Header is the header lines of a head in their order. Names may repeat; the order of repeats has a meaning (wtv-service:
// reset comes before the new list). Lookups do not regard case (section 2.1).
type Header []Field

// Value returns the first value of a name, or "".
func (h Header) Value(name string) string {
	v, _ := h.Lookup(name)
	return v
}

// Lookup returns the first value of a name and whether there is one.
func (h Header) Lookup(name string) (string, bool) {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value, true
		}
	}
	return "", false
}

// Values returns all values of a name in their order, nil if there are none.
func (h Header) Values(name string) []string {
	var vs []string
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			vs = append(vs, h[i].Value)
		}
	}
	return vs
}

// Add appends a line. It checks nothing: writing the head does.
func (h *Header) Add(name, value string) { *h = append(*h, Field{name, value}) }

// parseField reads one header line. Spaces around the value and before the colon are dropped: SECURE ON has "name:value",
// ordinary requests have "name: value" (section 2.1).
func parseField(line string) (Field, error) {
	i := strings.IndexByte(line, ':')
	if i < 0 {
		return Field{}, badRequest("header line without a colon")
	}
	name := strings.TrimRight(line[:i], " \t")
	if !validName(name) {
		return Field{}, badRequest("bad header name")
	}
	return Field{name, strings.Trim(line[i+1:], " \t")}, nil
}

// validName tells whether a header name is made of printable ASCII without space and colon.
func validName(name string) bool {
	if name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return true
}

// checkField refuses what could begin a line of its own on the other side.
func checkField(f Field) error {
	if !validName(f.Name) {
		return errors.New("wire: bad header name")
	}
	if strings.ContainsAny(f.Value, "\r\n\x00") {
		return fmt.Errorf("wire: value of header %s holds a line end or NUL", f.Name)
	}
	return nil
}

// contentLength reads Content-length. A missing one is 0; different repeats, signs and anything but digits are refused,
// because the end of the body would be a guess.
func (h Header) contentLength() (int, error) {
	n, seen := 0, false
	for i := range h {
		if !strings.EqualFold(h[i].Name, "Content-length") {
			continue
		}
		m, err := parseLength(h[i].Value)
		if err != nil {
			return 0, err
		}
		if seen && m != n {
			return 0, badRequest("two different Content-length headers")
		}
		n, seen = m, true
	}
	return n, nil
}

func parseLength(s string) (int, error) {
	if s == "" {
		return 0, badRequest("empty Content-length")
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, badRequest("Content-length is not a number")
		}
		if n = n*10 + int(s[i]-'0'); n > MaxBody {
			return 0, badRequest(fmt.Sprintf("body of more than %d bytes", MaxBody))
		}
	}
	return n, nil
}
