package lzpf

// Encode compresses src. The filler byte at the end is 00. Input of less than 2 bytes is ErrTooShort; there is no other error.
// The result may be longer than src: up to about 2.2 times for random data.
func Encode(src []byte) ([]byte, error) {
	if len(src) < minLength {
		return nil, ErrTooShort
	}
	var m model
	m.reset()
	w := bitWriter{out: make([]byte, 0, len(src)/2+16)}
	for i := 0; i < len(src); {
		cand := m.candidate()
		if cand == noCand {
			w.symbol(uint16(src[i]))
			m.push(src[i])
			i++
			continue
		}
		// The candidate is compared with the ring as it is before the byte is stored: at a distance of exactly 8192 the
		// place is the same, and a byte stored first would match itself (section 8.5).
		n := 0
		for n < maxEncodeMatch && i < len(src) && m.ring[(cand+n)%ringSize] == src[i] {
			m.push(src[i])
			n++
			i++
		}
		if n > 0 {
			w.length(n)
			continue
		}
		w.write(0, 1)
		w.symbol(uint16(src[i]))
		m.push(src[i])
		i++
	}
	if m.candidate() != noCand {
		w.write(0, 1)
	}
	w.symbol(endSymbol)
	w.write(uint32(m.sum), 16)
	w.flush()
	return append(w.out, 0), nil
}

// bitWriter gathers bits, the most significant first.
type bitWriter struct {
	out []byte
	acc uint64
	n   uint // bits in acc
}

func (w *bitWriter) write(v uint32, bits uint) {
	w.acc = w.acc<<bits | uint64(v)
	w.n += bits
	for w.n >= 8 {
		w.n -= 8
		w.out = append(w.out, byte(w.acc>>w.n))
	}
}

func (w *bitWriter) symbol(s uint16) { w.write(uint32(book.code[s]), uint(book.bits[s])) }

// length writes the length code of a match with the bit 1 before it (section 8.3).
func (w *bitWriter) length(n int) {
	switch {
	case n <= 3:
		w.write(0b1<<2|uint32(n-1), 3)
	case n <= 10:
		w.write(0b111<<3|uint32(n-4), 6)
	case n <= 41:
		w.write(0b111111<<5|uint32(n-11), 11)
	default:
		w.write(0b11111111111<<8|uint32(n-42), 19)
	}
}

func (w *bitWriter) flush() {
	if w.n > 0 {
		w.write(0, 8-w.n)
	}
}
