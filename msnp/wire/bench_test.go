package wire

import (
	"bytes"
	"io"
	"testing"
)

// loop gives the same bytes for ever.
type loop struct {
	data []byte
	at   int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.at:])
	l.at = (l.at + n) % len(l.data)
	return n, nil
}

func msgLine() []byte {
	return AppendPayload(nil, []byte(helloBob+"Hello Bob"), "MSG", "3", "N")
}

// A message costs its line, its parameters and its payload, no more.
func TestAllocations(t *testing.T) {
	r := NewReader(&loop{data: msgLine()}, FromClient)
	if n := testing.AllocsPerRun(200, func() {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}); n != 3 {
		t.Errorf("reading a message: %v allocations, want 3", n)
	}
	payload := []byte(helloBob + "Hello Bob")
	buf := make([]byte, 0, 2048)
	if n := testing.AllocsPerRun(200, func() {
		buf = AppendPayload(buf[:0], payload, "MSG", "alice@example.net", "Alice")
		buf = AppendLine(buf, "NLN", "NLN", "alice@example.net", "Alice%20B")
	}); n != 0 {
		t.Errorf("writing a message: %v allocations, want 0", n)
	}
	var m Message
	if n := testing.AllocsPerRun(200, func() { m = ParseMessage(payload) }); n != 2 {
		t.Errorf("taking a message apart: %v allocations, want 2", n)
	}
	if m.Kind() != KindText {
		t.Errorf("kind %d", m.Kind())
	}
	name := "Alice"
	if n := testing.AllocsPerRun(200, func() { name = Unescape(Escape(name)) }); n != 0 {
		t.Errorf("escaping a plain name: %v allocations, want 0", n)
	}
}

func BenchmarkReadMSG(b *testing.B) {
	line := msgLine()
	r := NewReader(&loop{data: line}, FromClient)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadSession(b *testing.B) {
	var all []byte
	for _, s := range captureStreams(b) {
		if !s.server {
			all = append(all, s.bytes...)
		}
	}
	b.SetBytes(int64(len(all)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readAll(bytes.NewReader(all), FromClient); err != io.EOF {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendPayload(b *testing.B) {
	payload := []byte(helloBob + "Hello Bob")
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendPayload(buf[:0], payload, "MSG", "alice@example.net", "Alice")
	}
}

func BenchmarkParseMessage(b *testing.B) {
	payload := []byte(helloBob + "Hello Bob")
	b.ReportAllocs()
	for b.Loop() {
		if ParseMessage(payload).Kind() != KindText {
			b.Fatal("kind")
		}
	}
}

func BenchmarkTextMessage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = TextMessage("Hello Bob", true)
	}
}

func BenchmarkUnescape(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = Unescape("Bob%20Smith%20the%20third")
	}
}
