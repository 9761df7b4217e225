package record

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"wtvgate/msnp/wire"
)

func TestVeil(t *testing.T) {
	for _, c := range []struct{ verb, payload, want string }{
		{"MSG", "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nCall 0815!\r\n:-) ñ 中 😀 \xff", "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nxxxx 0000!\r\n:-) ë 中 😀 ?"},
		{"MSG", "no head at all", "xx xxxx xx xxx"},
		{"MSG", "a line\r\nContent-Type: text/plain\r\n\r\n", "x xxxx\r\nContent-Type: text/plain\r\n\r\n"},
		{"MSG", "Content-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.net\r\n\r\n\r\n", "Content-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.net\r\n\r\n\r\n"},
		{"MSG", "Content-Type: text/x-msmsgsprofile\r\nMSPAuth: 2Ab!x\r\nclientip: 10.2.3.4\r\n\r\n", "Content-Type: text/x-msmsgsprofile\r\nMSPAuth: 0xx!x\r\nclientip: 00.0.0.0\r\n\r\n"},
		{"MSG", "Content-Type: text/x-msmsgsinvite\r\n\r\nApplication-Name: File Transfer\r\nApplication-File: me.jpg\r\nIP-Address: 10.0.0.1\r\n\r\n",
			"Content-Type: text/x-msmsgsinvite\r\n\r\nApplication-Name: File Transfer\r\nApplication-File: xx.xxx\r\nIP-Address: 00.0.0.0\r\n\r\n"},
		{"QRY", "d41d8cd9", "x00x0xx0"},
	} {
		if got := string(veil(wire.Command{Verb: c.verb, Payload: []byte(c.payload)})); got != c.want {
			t.Errorf("veil(%q):\n got %q\nwant %q", c.payload, got, c.want)
		}
	}
}

func FuzzVeil(f *testing.F) {
	f.Add("MSG", []byte("Content-Type: text/plain\r\n\r\nHello Ü"))
	f.Add("MSG", []byte("Content-Type: text/x-msmsgsinvite\r\n\r\nApplication-File: a\r\nx"))
	f.Add("SDC", []byte("\xff\r\n\r"))
	f.Fuzz(func(t *testing.T, verb string, payload []byte) {
		got := veil(wire.Command{Verb: verb, Payload: payload})
		if len(got) != len(payload) {
			t.Fatalf("%d bytes became %d: %q", len(payload), len(got), got)
		}
		if verb == "MSG" {
			return // its head may be seen
		}
		for _, r := range string(got) {
			if unicode.IsLetter(r) && !strings.ContainsRune("xë中", r) || unicode.IsDigit(r) && r != '0' {
				t.Fatalf("%q is to be seen in %q", r, got)
			}
		}
	})
}

// FuzzTake: however the bytes arrive, the same commands are heard.
func FuzzTake(f *testing.F) {
	f.Add([]byte("VER 1 MSNP7\r\nUSR 2 MD5 I a@b.c\r\nMSG 3 N 5\r\nhelloMSG 4 U 0\r\nOUT\r\n"), uint8(3))
	f.Add([]byte("PNG\r\n\x00\r\nPNG\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		if len(stream) > 4096 {
			return
		}
		render := func(n int) string {
			s := side{client: true, payload: wire.FromClient}
			var out bytes.Buffer
			for b := stream; len(b) > 0; b = b[min(n, len(b)):] {
				for _, l := range s.take(b[:min(n, len(b))]) {
					if l.cmd.Verb != "" { // what is lost is told with what was there
						out.Write(l.format("NS1", 0, true))
					}
				}
				if len(s.buf) > wire.MaxLine+wire.MaxForeignPayload+4 {
					t.Fatalf("%d bytes are held", len(s.buf))
				}
			}
			return out.String()
		}
		if whole, pieces := render(len(stream)), render(1+int(piece)); whole != pieces {
			t.Fatalf("in one piece\n%s\nin pieces\n%s", whole, pieces)
		}
	})
}

// FuzzTranscript: whatever is read, each line written is one that the runner knows.
func FuzzTranscript(f *testing.F) {
	f.Add("    0.000 NS1 C: [connected]\n    0.001 NS1 C: VER 0 MSNP7\n    0.002 NS1 S: VER 0 MSNP7\n    0.003 NS1 C: USR 1 MD5 I zoe@isp.example\n" +
		"    0.003 NS1 S: USR 1 MD5 S ***\n    0.003 NS1 C: USR 2 MD5 S ***\n    1.000 NS1 S: LSG 3 1 1 1 0 Friends 0\n    1.1 NS1 C: XFR 4 SB\n" +
		"    1.2 NS1 S: XFR 4 SB 10.0.0.1:1863 CKI ***\n    1.3 SB1 C: USR 1 zoe@isp.example ***\n    1.4 SB1 C: MSG 2 N 5\n    1.4 SB1 C: | hi\n    1.4 SB1 C: | a@b.c\n" +
		"    2.0 NS1 S: RNG 17 10.0.0.1:1863 CKI *** bob@isp.example Bob\n    2.1 SB2 C: ANS 1 zoe@isp.example *** 17\n    3.0 NS1 S: [closed]\n")
	f.Add("0 A C: USR\n0 A S: RNG 1 2 CKI\n0 A S: XFR 1 SB x CKI\n0 A C: ANS 1 a@b ***\n0 A S: CAL 1 RINGING\n0 A S: MSG\n0 A S: |\n")
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		if err := Transcript(&out, strings.NewReader(text)); err != nil {
			return
		}
		for row := range strings.Lines(out.String()) {
			if !strings.HasPrefix(row, "#") && !strings.HasPrefix(row, "    ") && !strings.HasPrefix(row, "C") && !strings.HasPrefix(row, "S") {
				t.Fatalf("%q in\n%s", row, &out)
			}
		}
	})
}
