package sec

import (
	"bufio"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"strconv"
)

// StreamKey derives the RC4 key of one direction of one connection: MD5 of session key, incarnation as 4 bytes big-endian,
// session key (section 5.2).
func StreamKey(k SessionKey, incarnation uint32) [md5.Size]byte {
	b := make([]byte, 0, 2*len(k)+4)
	b = append(b, k[:]...)
	b = binary.BigEndian.AppendUint32(b, incarnation)
	b = append(b, k[:]...)
	return md5.Sum(b)
}

// NewStream starts the RC4 stream of one direction. It runs on over all requests of the connection; nothing is dropped from
// its beginning.
func NewStream(k SessionKey, incarnation uint32) *rc4.Cipher {
	key := StreamKey(k, incarnation)
	c, err := rc4.NewCipher(key[:])
	if err != nil {
		panic("sec: " + err.Error()) // only for a key of a wrong size
	}
	return c
}

// ParseIncarnation reads a wtv-incarnation header: decimal, any unsigned 32-bit value.
func ParseIncarnation(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || s[0] == '+' {
		return 0, errors.New("sec: incarnation is not a number of 32 bits")
	}
	return uint32(n), nil
}

// Reader deciphers what it takes from a buffered reader, and takes no more than it is asked for: the bytes left in the buffer
// are still as they came. It belongs to one goroutine.
type Reader struct {
	br  *bufio.Reader
	s   *rc4.Cipher
	one [1]byte
}

// NewReader returns a Reader of br under s.
func NewReader(br *bufio.Reader, s *rc4.Cipher) *Reader { return &Reader{br: br, s: s} }

// ReadByte implements io.ByteReader.
func (r *Reader) ReadByte() (byte, error) {
	b, err := r.br.ReadByte()
	if err != nil {
		return 0, err
	}
	r.one[0] = b
	r.s.XORKeyStream(r.one[:], r.one[:])
	return r.one[0], nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.br.Read(p)
	r.s.XORKeyStream(p[:n], p[:n])
	return n, err
}
