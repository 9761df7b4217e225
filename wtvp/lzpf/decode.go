package lzpf

import (
	"bytes"
	"fmt"
	"io"
)

// Decode expands src, which must be one whole stream and nothing more, filler byte included. Data longer than limit bytes is
// ErrTooLarge: a byte can stand for over 120. The checksum is verified (ErrChecksum).
func Decode(src []byte, limit int) ([]byte, error) {
	in := bytes.NewReader(src)
	out, err := io.ReadAll(NewReader(in, limit))
	if err != nil {
		return nil, err
	}
	if in.Len() > 0 {
		return nil, fmt.Errorf("%w: %d bytes after the end", ErrCorrupt, in.Len())
	}
	return out, nil
}

// Reader expands one stream. It takes exactly the bytes of the stream from its source, filler included, so that a cipher under
// it stays in step. It belongs to one goroutine and holds about 16 KB.
type Reader struct {
	in    io.ByteReader
	m     model
	left  int // bytes that may still come
	acc   byte
	n     uint // bits left in acc
	cand  int  // where the running match reads
	match int  // bytes left of it
	err   error
}

// NewReader returns a Reader of the stream that begins at the next byte of in. More than limit bytes of expanded data end in
// ErrTooLarge, a stream cut short in io.ErrUnexpectedEOF.
func NewReader(in io.ByteReader, limit int) *Reader {
	r := &Reader{in: in, left: limit}
	r.m.reset()
	return r
}

// Read implements io.Reader. io.EOF comes only after the checksum was found right.
func (r *Reader) Read(p []byte) (int, error) {
	for i := range p {
		b, err := r.next()
		if err != nil {
			return i, err
		}
		p[i] = b
	}
	return len(p), nil
}

// next returns the next byte of the expanded data.
func (r *Reader) next() (byte, error) {
	if r.err != nil {
		return 0, r.err
	}
	var b byte
	if r.match == 0 {
		b, r.err = r.step()
	}
	if r.err == nil && r.left <= 0 {
		r.err = ErrTooLarge
	}
	if r.err != nil {
		return 0, r.err
	}
	if r.match > 0 {
		b = r.m.ring[r.cand%ringSize]
		r.cand++
		r.match--
	}
	r.left--
	r.m.push(b)
	return b, nil
}

// step reads what stands at the place of a byte: a byte, the beginning of a match (r.match is set), or the end (io.EOF).
func (r *Reader) step() (byte, error) {
	cand := r.m.candidate()
	if cand != noCand {
		bit, err := r.bits(1)
		if err != nil {
			return 0, err
		}
		if bit == 1 {
			r.cand = cand
			r.match, err = r.length()
			return 0, err
		}
	}
	s, err := r.symbol()
	if err != nil {
		return 0, err
	}
	if s == endSymbol {
		return 0, r.end()
	}
	return byte(s), nil
}

// symbol reads one Huffman code.
func (r *Reader) symbol() (uint16, error) {
	code := uint16(0)
	for n := 1; n <= maxCodeLen; n++ {
		bit, err := r.bits(1)
		if err != nil {
			return 0, err
		}
		code = code<<1 | uint16(bit)
		if n >= minCodeLen && code >= book.first[n] {
			return book.symbols[n][code-book.first[n]], nil
		}
	}
	return 0, ErrCorrupt // not reached: 16 bits always are a code
}

// length reads a length code whose first bit, 1, is read already.
func (r *Reader) length() (int, error) {
	base := 1
	for _, bits := range []uint{2, 3, 5} {
		v, err := r.bits(bits)
		if err != nil {
			return 0, err
		}
		if v < 1<<bits-1 {
			return base + v, nil
		}
		base += v
	}
	v, err := r.bits(8)
	return base + v, err
}

// end reads checksum, padding and filler and returns io.EOF if all is well.
func (r *Reader) end() error {
	if r.m.n < minLength {
		return fmt.Errorf("%w: end after less than %d bytes", ErrCorrupt, minLength)
	}
	sum, err := r.bits(16)
	if err != nil {
		return err
	}
	r.n = 0 // the rest of the byte is padding
	if _, err := r.in.ReadByte(); err != nil {
		return unexpected(err)
	}
	if uint16(sum) != r.m.sum {
		return ErrChecksum
	}
	return io.EOF
}

func (r *Reader) bits(n uint) (int, error) {
	v := 0
	for ; n > 0; n-- {
		if r.n == 0 {
			b, err := r.in.ReadByte()
			if err != nil {
				return 0, unexpected(err)
			}
			r.acc, r.n = b, 8
		}
		r.n--
		v = v<<1 | int(r.acc>>r.n&1)
	}
	return v, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
