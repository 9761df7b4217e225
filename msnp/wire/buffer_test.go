package wire

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// buffer_test.go: the memory that a Reader keeps.

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestBuffered(t *testing.T) {
	r := NewReader(strings.NewReader("SYN 5 0\r\nCHG 6 NLN\r\nMSG 7 U 2\r\nab"), FromClient)
	for i, want := range []int{24, 13, 0} {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
		if got := r.Buffered(); got != want {
			t.Errorf("after command %d: %d bytes, want %d", i, got, want)
		}
	}
}

// One long line must not cost its memory for the rest of a session, and no
// line may cost more than MaxLine.
func TestBufferShrinks(t *testing.T) {
	in := "VER 0 " + strings.Repeat("x", MaxLine-10) + "\r\nPNG\r\n"
	r := NewReader(iotest.OneByteReader(strings.NewReader(in)), FromClient)
	if len(r.buf) != startBuffer {
		t.Errorf("starts with %d bytes", len(r.buf))
	}
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	if len(r.buf) > fullBuffer {
		t.Errorf("grew to %d bytes", len(r.buf))
	}
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	if len(r.buf) != startBuffer {
		t.Errorf("stays at %d bytes", len(r.buf))
	}
}

// A client that sends much at once is read in few pieces, and costs no more than
// others again when it falls silent.
func TestBufferGrowsForTheBusy(t *testing.T) {
	busy, quiet := strings.Repeat("PNG\r\n", 4000), "PNG\r\nPNG\r\n"
	r := NewReader(io.MultiReader(strings.NewReader(busy), iotest.OneByteReader(strings.NewReader(quiet))), FromClient)
	most := 0
	for range (len(busy) + len(quiet)) / 5 {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(r.buf))
	}
	if most != busyBuffer || len(r.buf) != startBuffer {
		t.Errorf("grew to %d and stays at %d bytes, want %d and %d", most, len(r.buf), busyBuffer, startBuffer)
	}
}

// Await reads until there is something to parse, and no further; its errors are
// Read's.
func TestAwait(t *testing.T) {
	src := &countingReader{r: iotest.OneByteReader(strings.NewReader("PNG\r\n"))}
	r := NewReader(src, FromClient)
	for range 2 {
		if err := r.Await(); err != nil || src.reads != 1 || r.Buffered() != 1 {
			t.Fatalf("err %v after %d reads, %d bytes", err, src.reads, r.Buffered())
		}
	}
	if cmd, err := r.Read(); err != nil || cmd.Verb != "PNG" {
		t.Fatalf("%+v, %v", cmd, err)
	}
	for range 2 {
		if err := r.Await(); err != io.EOF {
			t.Errorf("Await: %v, want EOF", err)
		}
	}
	if _, err := r.Read(); err != io.EOF {
		t.Errorf("Read after it: %v, want EOF", err)
	}
}

type countingReader struct {
	r     io.Reader
	reads int
}

func (c *countingReader) Read(p []byte) (int, error) {
	c.reads++
	return c.r.Read(p)
}
