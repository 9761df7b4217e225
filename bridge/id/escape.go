package id

import (
	"fmt"
	"strings"
)

// escape.go: any name of another network as the local part of an address, and
// back without loss. What an address holds as it is stays readable; every other
// byte becomes =XX, hexadecimal in lower case. Upper case is escaped too, since
// clients and people fold case.

const hexDigits = "0123456789abcdef"

// plain tells which bytes stand for themselves. # does not: at the front of a
// local part it marks a room.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("._-+/!$&'*?^`{|}~", c) >= 0
}

// EscapeLocal makes a local part of name. A dot at either end or after another
// dot is escaped, as an address may not have it there.
func EscapeLocal(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		edge := c == '.' && (i == 0 || i == len(name)-1 || name[i-1] == '.')
		if plain(c) && !edge {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('=')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// UnescapeLocal undoes EscapeLocal. A form that EscapeLocal never makes is an
// error, so that two addresses never mean one person; only case is forgiven.
func UnescapeLocal(local string) (string, error) {
	local = strings.ToLower(local)
	var b strings.Builder
	for i := 0; i < len(local); i++ {
		if local[i] != '=' {
			b.WriteByte(local[i])
			continue
		}
		if i+2 >= len(local) {
			return "", fmt.Errorf("%w: %q ends inside an escape", ErrAddress, local)
		}
		hi, lo := strings.IndexByte(hexDigits, local[i+1]), strings.IndexByte(hexDigits, local[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("%w: %q is no escape", ErrAddress, local[i:i+3])
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	name := b.String()
	if EscapeLocal(name) != local {
		return "", fmt.Errorf("%w: %q should be written %q", ErrAddress, local, EscapeLocal(name))
	}
	return name, nil
}
