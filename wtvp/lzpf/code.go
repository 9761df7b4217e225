// Package lzpf is the compressor that WTVP names "wtv-lzpf": prediction of the next byte by the three before it, with a fixed
// Huffman code for what was not predicted. Boxes of the first kind (rom type bf0app, builds below 3500) can expand it.
//
// The stream ends by itself: an end code, a checksum, zero bits to a whole byte, one filler byte without meaning. Everything
// here works on its own memory; the code tables are made once and only read. Section numbers are those of the project's WTVP
// reference.
package lzpf

import "errors"

const (
	ringSize  = 8192 // bytes that a match can reach back (section 8.3)
	slots     = 4096 // of the table of positions by context
	noCand    = -1
	minLength = 2 // shorter input has no end code and cannot be expanded (section 8.5)

	// maxEncodeMatch is where encoders stop; maxMatch is the longest that the length code can say.
	maxEncodeMatch = 296
	maxMatch       = 297

	minCodeLen = 4
	maxCodeLen = 16
	endSymbol  = 256
)

var (
	// ErrTooShort: input of 0 or 1 byte has no compressed form. Send it as it is.
	ErrTooShort = errors.New("lzpf: input of less than 2 bytes cannot be compressed")
	// ErrTooLarge: the expanded data is longer than the caller allows.
	ErrTooLarge = errors.New("lzpf: expanded data is longer than allowed")
	// ErrCorrupt: the data is no LZPF stream.
	ErrCorrupt = errors.New("lzpf: corrupt data")
	// ErrChecksum: the data expands, but not to what was compressed.
	ErrChecksum = errors.New("lzpf: wrong checksum")
)

// codebook is the Huffman code of section 8.4. Codes of one length are consecutive; shorter codes are the larger prefixes, so
// that a code of length n is complete as soon as its value is at least first[n].
type codebook struct {
	code    [endSymbol + 1]uint16
	bits    [endSymbol + 1]uint8
	first   [maxCodeLen + 1]uint16
	symbols [maxCodeLen + 1][]uint16 // of each length in rising code order
}

// shortCodes are the symbols with less than 16 bits: length, first code, symbols in rising code order.
var shortCodes = []struct {
	bits    uint8
	first   uint16
	symbols string
}{
	{4, 0xE, " e"},
	{5, 0x0E, "\n\"/<>Tainoprst"},
	{6, 0x0D, "\t.=AEINORcdhlmw"},
	{7, 0x0A, ",-1BCDFGHLPSbfgu"},
	{8, 0x0A, "024:MW_kvy"},
	{9, 0x007, "\r#'356789UVZx"},
	{10, 0x008, "!*?KYz"},
	{11, 0x009, "&();Jjq"},
	{12, 0x00C, "QX{|}~"},
	{13, 0x0017, "+"},
	{14, 0x002C, "$@"},
	{15, 0x004D, "\x05\x07\x08\x0B\x17\x91\x92\x93\xC7\xF3\xFA"},
}

var book = newCodebook()

func newCodebook() *codebook {
	c := new(codebook)
	for _, s := range shortCodes {
		c.first[s.bits] = s.first
		for i := range len(s.symbols) {
			c.set(uint16(s.symbols[i]), s.first+uint16(i), s.bits)
		}
	}
	next := uint16(0) // the rest in rising order with 16 bits, the end code last
	for b := range uint16(endSymbol) {
		if c.bits[b] == 0 {
			c.set(b, next, maxCodeLen)
			next++
		}
	}
	c.set(endSymbol, next, maxCodeLen)
	return c
}

func (c *codebook) set(symbol, code uint16, bits uint8) {
	c.code[symbol], c.bits[symbol] = code, bits
	c.symbols[bits] = append(c.symbols[bits], symbol)
}

// model is what compressor and expander both keep: the last 8192 bytes and where each context was last seen.
type model struct {
	ring  [ringSize]byte
	table [slots]int16 // positions in the ring; noCand is none
	ctx   uint32       // the last bytes, newest lowest
	n     int          // bytes so far
	sum   uint16       // of all bytes
}

func (m *model) reset() {
	*m = model{}
	for i := range m.table {
		m.table[i] = noCand
	}
}

// candidate returns where the bytes that follow the present context stood last, or noCand, and notes the present place.
func (m *model) candidate() int {
	if m.n < 3 {
		return noCand
	}
	slot := ((m.ctx >> 11) ^ m.ctx) & (slots - 1)
	c := m.table[slot]
	m.table[slot] = int16(m.n % ringSize)
	return int(c)
}

func (m *model) push(b byte) {
	m.ring[m.n%ringSize] = b
	m.ctx = m.ctx<<8 | uint32(b)
	m.sum += uint16(b)
	m.n++
}
