package lzpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// TestCodeTable is section 8.4: the code is complete, prefix-free and has the published corners.
func TestCodeTable(t *testing.T) {
	for symbol, want := range map[uint16]struct {
		code uint16
		bits uint8
	}{
		' ': {0xE, 4}, 'e': {0xF, 4}, '\n': {0x0E, 5}, 't': {0x1B, 5}, '\t': {0x0D, 6}, 'w': {0x1B, 6}, ',': {0x0A, 7}, 'u': {0x19, 7},
		'0': {0x0A, 8}, 'y': {0x13, 8}, '\r': {0x007, 9}, 'x': {0x013, 9}, '!': {0x008, 10}, 'z': {0x00D, 10}, '&': {0x009, 11},
		'q': {0x00F, 11}, 'Q': {0x00C, 12}, '~': {0x011, 12}, '+': {0x17, 13}, '$': {0x2C, 14}, '@': {0x2D, 14}, 0x05: {0x4D, 15},
		0xFA: {0x57, 15}, 0x00: {0x0000, 16}, 0xFF: {0x0098, 16}, endSymbol: {0x0099, 16},
	} {
		if book.code[symbol] != want.code || book.bits[symbol] != want.bits {
			t.Errorf("symbol %#x: %#x in %d bits, want %#x in %d", symbol, book.code[symbol], book.bits[symbol], want.code, want.bits)
		}
	}
	kraft := 0
	for s, n := range book.bits {
		kraft += 1 << (maxCodeLen - n)
		if int(n) < maxCodeLen && book.code[s] < book.first[n] {
			t.Errorf("symbol %#x is below the first code of its length", s)
		}
	}
	if kraft != 1<<maxCodeLen {
		t.Errorf("code is not complete: %d of %d", kraft, 1<<maxCodeLen)
	}
}

// TestWorkedExample is the one of section 8.4.
func TestWorkedExample(t *testing.T) {
	got, err := Encode([]byte("aa"))
	if want := []byte{0xA5, 0x00, 0x26, 0x40, 0x30, 0x80, 0x00}; err != nil || !bytes.Equal(got, want) {
		t.Errorf("% x, %v, want % x", got, err, want)
	}
}

// TestRoundTrip makes inputs with matches at every distance and length that has an edge.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 30000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	check := func(name string, in []byte) {
		t.Helper()
		packed, err := Encode(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := Decode(packed, len(in))
		if err != nil || !bytes.Equal(got, in) {
			t.Errorf("%s: %v", name, err)
		}
		if len(packed) > 9*len(in)/4+16 {
			t.Errorf("%s: %d bytes became %d", name, len(in), len(packed))
		}
	}
	for _, d := range []int{1, 2, 3, 4, 255, 4095, 4096, 8188, 8189, 8190, 8191, 8192, 8193, 8194, 16383, 16384} {
		in := append(bytes.Clone(noise[:d]), noise[:min(d, 700)]...)
		check("distance", in)
		check("distance, three times", append(in, noise[:d]...))
	}
	for n := 2; n < 320; n++ {
		check("length", bytes.Repeat([]byte{'a'}, n))
		check("length after noise", append(append(bytes.Clone(noise[:64]), noise[:min(n, 64)]...), 'x', byte(n)))
	}
	for range 20 { // the case where the public encoders fail half the time
		for i := range noise {
			noise[i] = byte(r.Uint32N(1 + r.Uint32N(256)))
		}
		check("noise", noise)
	}
	check("70 KB", bytes.Repeat([]byte("<td width=200>Room "), 4000))
}

// TestEveryLength: the expander takes all lengths of the code, also 297, which encoders do not write.
func TestEveryLength(t *testing.T) {
	for n := 1; n <= maxMatch; n++ {
		var w bitWriter
		for range 4 { // the fourth finds the context of the third empty, a fifth would find a candidate
			w.symbol('a')
		}
		w.length(n)
		w.write(0, 1)
		w.symbol(endSymbol)
		w.write(uint32(uint16((4+n)*'a')), 16)
		w.flush()
		got, err := Decode(append(w.out, 0), 4+n)
		if err != nil || string(got) != strings.Repeat("a", 4+n) {
			t.Errorf("length %d: %d bytes, %v", n, len(got), err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	in := []byte(strings.Repeat("a page of text, ", 40))
	packed, err := Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	for n := range packed {
		if _, err := Decode(packed[:n], len(in)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d of %d: %v", n, len(packed), err)
		}
	}
	if _, err := Decode(append(bytes.Clone(packed), 0), len(in)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
	bad := bytes.Clone(packed)
	bad[len(bad)-3] ^= 0x10 // in the checksum
	if _, err := Decode(bad, len(in)); !errors.Is(err, ErrChecksum) {
		t.Errorf("checksum: %v", err)
	}
	for limit := -1; limit < len(in); limit += 37 {
		if got, err := Decode(packed, limit); !errors.Is(err, ErrTooLarge) || got != nil {
			t.Errorf("limit %d: %d bytes, %v", limit, len(got), err)
		}
	}
	for _, early := range [][]byte{{0x00, 0x99, 0, 0, 0}, {0xE0, 0x09, 0x90, 0x02, 0x00, 0x00}} {
		if _, err := Decode(early, 10); !errors.Is(err, ErrCorrupt) {
			t.Errorf("end after %x: %v", early, err)
		}
	}
	if _, err := Decode(nil, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("nothing: %v", err)
	}
	for _, in := range [][]byte{nil, {}, {1}} {
		if _, err := Encode(in); !errors.Is(err, ErrTooShort) {
			t.Errorf("Encode of %d bytes: %v", len(in), err)
		}
	}
}

// TestBomb: a small input that stands for much is cut off at the limit, with little memory.
func TestBomb(t *testing.T) {
	packed, err := Encode(make([]byte, 8<<20))
	if err != nil {
		t.Fatal(err)
	}
	if len(packed) > 80<<10 {
		t.Fatalf("%d bytes", len(packed))
	}
	if got, err := Decode(packed, 64<<10); !errors.Is(err, ErrTooLarge) || got != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestReaderStopsAtTheEnd: after the stream the source stands at the very next byte, so that a cipher under it stays in step.
func TestReaderStopsAtTheEnd(t *testing.T) {
	for n := 2; n < 200; n++ {
		in := []byte(strings.Repeat("abcxyz-", 40)[:n])
		packed, err := Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		src := bytes.NewReader(append(packed, "200 OK"...))
		r := NewReader(src, n)
		if err := iotest.TestReader(r, in); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if rest, _ := io.ReadAll(src); string(rest) != "200 OK" {
			t.Fatalf("%d bytes: rest %q", n, rest)
		}
	}
}

// FuzzDecode: bytes that expand, expand the same through a Reader in small pieces, and what they expand to survives a round trip.
func FuzzDecode(f *testing.F) {
	v := loadVectors(f)
	for _, list := range [][]vector{v.Pairs, v.NoTerminator} {
		for _, p := range list {
			if len(p.Compressed) < 2000 {
				f.Add(p.Compressed)
			}
		}
	}
	f.Add(v.Distance[0].MinisrvBroken)
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 1 << 16
		out, err := Decode(in, limit)
		r := NewReader(bytes.NewReader(in), limit)
		pieces, errPieces := io.ReadAll(iotest.OneByteReader(r))
		if err != nil {
			if errPieces == nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("whole: %v, in pieces no error", err)
			}
			return
		}
		if errPieces != nil || !bytes.Equal(out, pieces) || len(out) > limit || len(out) < minLength {
			t.Fatalf("%d bytes whole, %d in pieces, %v", len(out), len(pieces), errPieces)
		}
		packed, err := Encode(out)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(packed, limit); err != nil || !bytes.Equal(back, out) {
			t.Fatalf("round trip: %v", err)
		}
	})
}

// FuzzEncode: any input of 2 bytes and more comes back, also with long repeats at the distances that matter.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("aa"), uint16(0))
	f.Add([]byte("abcabcabcabd"), uint16(8180))
	f.Fuzz(func(t *testing.T, in []byte, gap uint16) {
		if len(in) < minLength {
			return
		}
		data := bytes.Clone(in)
		for i := range gap { // a gap without repeats of three bytes, then the same again
			data = binary.BigEndian.AppendUint16(data, i*40503)
		}
		data = append(data, in...)
		packed, err := Encode(data)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(packed, len(data)); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
	})
}

func page(b *testing.B) vector {
	for _, v := range loadVectors(b).Pairs {
		if v.Name == "html_table_8192" {
			return v
		}
	}
	b.Fatal("no such vector")
	return vector{}
}

func BenchmarkEncode(b *testing.B) {
	p := page(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(p.Plain)))
	for b.Loop() {
		if _, err := Encode(p.Plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	p := page(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(p.Plain)))
	for b.Loop() {
		if _, err := Decode(p.Compressed, len(p.Plain)); err != nil {
			b.Fatal(err)
		}
	}
}
