package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image/png"
	"testing"
)

// emptyPNG is a PNG whose rows are all zero, of any kind: grays are colour type 0,
// colours with transparency 6. more are chunks before the pixels.
func emptyPNG(t testing.TB, w, h uint32, depth, kind, interlaced byte, more ...string) []byte {
	t.Helper()
	b := []byte("\x89PNG\r\n\x1A\n")
	chunk := func(name string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		from := len(b)
		b = append(append(b, name...), data...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	chunk("IHDR", append(head, depth, kind, 0, 0, interlaced))
	for _, name := range more {
		chunk(name, make([]byte, 2))
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	samples := map[byte]uint32{0: 1, 6: 4}[kind]
	row := make([]byte, (w*uint32(depth)*samples+7)/8+1)
	for range 2 * h { // an interlaced one has more and shorter rows; what is too much is not read
		if _, err := z.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	chunk("IDAT", packed.Bytes())
	chunk("IEND", nil)
	return b
}

// A gray picture with a transparent shade becomes one of colours when it is decoded:
// 8 KB of file were 257 MB of memory.
func TestTransparentGrayIsMeasuredAsColour(t *testing.T) {
	for name, tt := range map[string]struct {
		data []byte
		cost int64
	}{
		"gray":                           {emptyPNG(t, 100, 10, 1, 0, 0), 1000},
		"transparent":                    {emptyPNG(t, 100, 10, 1, 0, 0, "tRNS"), 4000},
		"transparent behind other words": {emptyPNG(t, 100, 10, 8, 0, 0, "gAMA", "tEXt", "tRNS"), 4000},
		"deep":                           {emptyPNG(t, 100, 10, 16, 0, 0), 2000},
		"deep and transparent":           {emptyPNG(t, 100, 10, 16, 0, 0, "tRNS"), 8000},
		"colours":                        {emptyPNG(t, 100, 10, 8, 6, 0), 4000},
	} {
		if _, cost, err := measure(kindPNG, tt.data); cost != tt.cost || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, cost, err, tt.cost)
		}
	}
	bomb := emptyPNG(t, 8191, 8191, 1, 0, 0, "tRNS")
	if n := allocated(func() { _, _ = Convert(bomb) }); n > 1<<20 {
		t.Errorf("%d bytes of file took %d of memory", len(bomb), n)
	}
}

// The passes of an interlaced picture are in memory beside the whole.
func TestInterlacedIsMeasuredTwice(t *testing.T) {
	data := emptyPNG(t, 1024, 1024, 8, 6, 1)
	_, cost, err := measure(kindPNG, data)
	if cost != 8<<20 || err != nil {
		t.Errorf("%d, %v", cost, err)
	}
	// That there are rows too many is found at the end, when all has been allocated.
	if n := allocated(func() { _, _ = png.Decode(bytes.NewReader(data)) }); n < 7<<20 || int64(n) > cost+1<<20 {
		t.Errorf("took %d, measured %d", n, cost)
	}
	bomb := emptyPNG(t, 4000, 4000, 8, 6, 1)
	if n := allocated(func() { _, _ = Convert(bomb) }); n > 1<<20 {
		t.Errorf("%d bytes of file took %d of memory", len(bomb), n)
	}
}
