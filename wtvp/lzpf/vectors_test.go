package lzpf

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
)

// vectorFile is testdata/lzpf.json: pairs made by running a public WebTV server, and cases where its output is wrong.
type vectorFile struct {
	Count        int  `json:"count"`
	FillerByte   byte `json:"filler_byte"`
	Pairs        []vector
	NoTerminator []vector `json:"no_terminator"`
	Distance     []vector `json:"distance_8192_bug"`
}

type vector struct {
	Name          string
	PlainLen      int `json:"plain_len"`
	Plain         []byte
	Compressed    []byte
	MinisrvGives  []byte `json:"minisrv_expand_gives"`
	MinisrvBroken []byte `json:"minisrv_output_do_not_copy"`
	Correct       []byte `json:"correct_output"`
}

func loadVectors(t testing.TB) vectorFile {
	t.Helper()
	b, err := os.ReadFile("testdata/lzpf.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectorFile
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Pairs) != v.Count || v.Count != 93 || len(v.NoTerminator) != 6 || len(v.Distance) != 4 || v.FillerByte != 0 {
		t.Fatalf("unexpected content: %d pairs, %d without terminator, %d of distance 8192",
			len(v.Pairs), len(v.NoTerminator), len(v.Distance))
	}
	return v
}

func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t).Pairs {
		t.Run(v.Name, func(t *testing.T) {
			if len(v.Plain) != v.PlainLen {
				t.Fatalf("plain_len %d, have %d", v.PlainLen, len(v.Plain))
			}
			checkBoth(t, v.Plain, v.Compressed)
			// The other public encoder writes 20 as filler: its value has no meaning.
			other := append(bytes.Clone(v.Compressed[:len(v.Compressed)-1]), 0x20)
			if got, err := Decode(other, len(v.Plain)); err != nil || !bytes.Equal(got, v.Plain) {
				t.Errorf("filler 20: %v", err)
			}
		})
	}
}

func checkBoth(t *testing.T, plain, compressed []byte) {
	t.Helper()
	got, err := Encode(plain)
	if err != nil || !bytes.Equal(got, compressed) {
		t.Errorf("Encode: %v, %d bytes, want %d", err, len(got), len(compressed))
	}
	back, err := Decode(compressed, len(plain))
	if err != nil || !bytes.Equal(back, plain) {
		t.Errorf("Decode: %v, %d bytes, want %d", err, len(back), len(plain))
	}
}

func TestNoTerminator(t *testing.T) {
	for _, v := range loadVectors(t).NoTerminator {
		t.Run(v.Name, func(t *testing.T) {
			if _, err := Encode(v.Plain); !errors.Is(err, ErrTooShort) {
				t.Errorf("Encode: %v, want ErrTooShort", err)
			}
			// Other expanders make bytes up here (minisrv_expand_gives). These streams have no end, so none is found.
			if got, err := Decode(v.Compressed, 1<<10); !errors.Is(err, io.ErrUnexpectedEOF) || bytes.Equal(got, v.MinisrvGives) {
				t.Errorf("Decode: %x, %v, want io.ErrUnexpectedEOF", got, err)
			}
		})
	}
}

func TestDistance8192(t *testing.T) {
	for _, v := range loadVectors(t).Distance {
		t.Run(v.Name, func(t *testing.T) {
			checkBoth(t, v.Plain, v.Correct)
			if got, err := Decode(v.MinisrvBroken, 1<<20); err == nil {
				t.Errorf("broken stream expands to %d bytes without an error", len(got))
			}
		})
	}
}
