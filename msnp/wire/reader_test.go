package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll reads commands until the error.
func readAll(src io.Reader, p PayloadFunc) ([]Command, error) {
	r := NewReader(src, p)
	var out []Command
	for {
		cmd, err := r.Read()
		if err != nil {
			return out, err
		}
		out = append(out, cmd)
	}
}

func cmd(verb string, args ...string) Command { return Command{Verb: verb, Args: args} }

func (c Command) with(payload string) Command {
	c.Payload = []byte(payload)
	return c
}

func TestReaderCommands(t *testing.T) {
	long := strings.Repeat("x", MaxLine-len("VER 0 "))
	tests := []struct {
		name, in string
		server   bool
		want     []Command
	}{
		{"plain", "VER 0 MSNP8 CVR0\r\n", false, []Command{cmd("VER", "0", "MSNP8", "CVR0")}},
		{"no parameters", "PNG\r\nOUT\r\n", false, []Command{cmd("PNG"), cmd("OUT")}},
		{"lf alone, gaim at MSNP2", "SYN 5 0\nCHG 6 NLN\nBLP 7 AL\n", false,
			[]Command{cmd("SYN", "5", "0"), cmd("CHG", "6", "NLN"), cmd("BLP", "7", "AL")}},
		{"trailing space, aMSN", "INF 2 \r\n", false, []Command{cmd("INF", "2")}},
		{"empty seventh CVR field", "CVR 2 0x0409 win 4.10 i386 MSNMSGR 3.6  \r\nCVR 3 0x0409 win  4.10\r\n", false,
			[]Command{cmd("CVR", "2", "0x0409", "win", "4.10", "i386", "MSNMSGR", "3.6"), cmd("CVR", "3", "0x0409", "win", "4.10")}},
		{"blank lines", "\r\n\n   \r\nPNG\r\n\r\n", false, []Command{cmd("PNG")}},
		{"high bytes stay", "REA 1 a@b.c Ren\xe9\r\n", false, []Command{cmd("REA", "1", "a@b.c", "Ren\xe9")}},
		{"nothing decoded", "QRY 1 PROD00504RLUG%WL 3\r\nabc", false,
			[]Command{cmd("QRY", "1", "PROD00504RLUG%WL", "3").with("abc")}},
		{"payload glued to the next command", "MSG 3 N 5\r\nab\r\ncMSG 4 U 0\r\nPNG\r\n", false,
			[]Command{cmd("MSG", "3", "N", "5").with("ab\r\nc"), cmd("MSG", "4", "U", "0").with(""), cmd("PNG")}},
		{"largest message", "MSG 5 A 1664\r\n" + strings.Repeat("y", 1664), false,
			[]Command{cmd("MSG", "5", "A", "1664").with(strings.Repeat("y", 1664))}},
		{"acknowledgement S", "MSG 5 S 1\r\nx", false, []Command{cmd("MSG", "5", "S", "1").with("x")}},
		{"longest line", "VER 0 " + long + "\r\nPNG\r\n", false, []Command{cmd("VER", "0", long), cmd("PNG")}},
		{"invitation with an empty name", "SDC 4 a@b.c 0x0409 MSMSGS IM X X  3\r\nabc", false,
			[]Command{cmd("SDC", "4", "a@b.c", "0x0409", "MSMSGS", "IM", "X", "X", "3").with("abc")}},
		{"later dialects stay in step", "UUX 8 4\r\n<D/>ADL 9 4\r\n<m/>PUT 7\r\nUUX 1 x\r\n", false,
			[]Command{cmd("UUX", "8", "4").with("<D/>"), cmd("ADL", "9", "4").with("<m/>"), cmd("PUT", "7"), cmd("UUX", "1", "x")}},
		{"QRY of 200 is read to 128", "QRY 1 x 200\r\n" + strings.Repeat("z", 128), false,
			[]Command{cmd("QRY", "1", "x", "200").with(strings.Repeat("z", 128))}},
		{"server", "MSG Hotmail Hotmail 3\r\nabc911 3\r\nIPG 2\r\nhiSDC 4 OK\r\nSDC 0 a 1\r\n!QRY 12\r\n", true,
			[]Command{cmd("MSG", "Hotmail", "Hotmail", "3").with("abc"), cmd("911", "3"), cmd("IPG", "2").with("hi"),
				cmd("SDC", "4", "OK"), cmd("SDC", "0", "a", "1").with("!"), cmd("QRY", "12")}},
		{"server's long message", "MSG a b 2000\r\n" + strings.Repeat("y", 2000), true,
			[]Command{cmd("MSG", "a", "b", "2000").with(strings.Repeat("y", 2000))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := FromClient
			if tt.server {
				p = FromServer
			}
			for name, src := range map[string]io.Reader{
				"whole":       strings.NewReader(tt.in),
				"bytes":       iotest.OneByteReader(strings.NewReader(tt.in)),
				"halves":      iotest.HalfReader(strings.NewReader(tt.in)),
				"err at once": iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, err := readAll(src, p)
				if err != io.EOF {
					t.Errorf("%s: error %v, want EOF", name, err)
				}
				if !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s:\n got %q\nwant %q", name, got, tt.want)
				}
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	tests := []struct {
		name, in, reason, line string
		server                 bool
	}{
		{"words", "hello world\r\n", ReasonCommand, "hel.. [11 bytes]", false},
		{"lower case", "ver 0 MSNP8\r\n", ReasonCommand, "ver.. [11 bytes]", false},
		{"http", "GET / HTTP/1.1\r\n\r\n", "", "", false}, // three capitals: answered like an unknown command
		{"four letters", "QUIT\r\n", ReasonCommand, "QUI.. [4 bytes]", false},
		{"two letters", "US 3 MD5\r\n", ReasonCommand, "US .. [8 bytes]", false},
		{"number from a client", "911 3\r\n", ReasonCommand, "911 3", false},
		{"NUL", "VER 0\x00 MSNP8\r\n", ReasonControl, "VER 0? MSNP8", false},
		{"tab", "USR 3 MD5 S\tsecret\r\n", ReasonControl, "USR 3 MD5 ***", false},
		{"CR inside", "VER 0\rMSNP8\r\n", ReasonControl, "VER 0?MSNP8", false},
		{"two CR", "VER 0\r\r\n", ReasonControl, "VER 0?", false},
		{"DEL", "VER 0 \x7f\r\n", ReasonControl, "VER 0 ?", false},
		{"TLS hello", "\x16\x03\x01\x02\x00\n", ReasonControl, "???.. [5 bytes]", false},
		{"line one too long", "VER 0 " + strings.Repeat("x", MaxLine-5) + "\r\n", ReasonLineLong, "", false},
		{"endless line", strings.Repeat("A", 2*MaxLine), ReasonLineLong, "AAA.. [8194 bytes]", false},
		{"no length", "MSG 4 N\r\n", ReasonLength, "MSG 4 N", false},
		{"no argument", "MSG\r\n", ReasonLength, "MSG", false},
		{"length not a number", "MSG 4 N ten\r\n", ReasonLength, "MSG 4 N ten", false},
		{"negative", "MSG 4 N -1\r\n", ReasonLength, "MSG 4 N -1", false},
		{"signed", "MSG 4 N +1\r\n", ReasonLength, "MSG 4 N +1", false},
		{"1665", "MSG 5 N 1665\r\n", ReasonPayload, "MSG 5 N 1665", false},
		{"beyond any integer", "MSG 5 N 99999999999999999999\r\n", ReasonPayload, "MSG 5 N 99999999999999999999", false},
		{"lower-case letter", "MSG 6 n 10\r\n", ReasonAck, "MSG 6 n 10", false},
		{"MSNP9 letter", "MSG 6 D 10\r\n", ReasonAck, "MSG 6 D 10", false},
		{"two letters", "MSG 6 NN 10\r\n", ReasonAck, "MSG 6 NN 10", false},
		{"QRY without length", "QRY 1 msmsgs@msnmsgr.com\r\n", ReasonLength, "QRY 1 msmsgs@msnmsgr.com", false},
		{"SDC without number", "SDC 1 a@b.c x\r\n", ReasonLength, "SDC 1 a@b.c x", false},
		{"SDC too long", "SDC 1 a@b.c 1665\r\n", ReasonPayload, "SDC 1 a@b.c 1665", false},
		{"ADL too long", "ADL 1 8193\r\n", ReasonPayload, "ADL 1 8193", false},
		{"server too long", "MSG a b 65536\r\n", ReasonPayload, "MSG a b 65536", true},
		{"server without length", "MSG a b\r\n", ReasonLength, "MSG a b", true},
		{"page without length", "IPG\r\n", ReasonLength, "IPG", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := FromClient
			if tt.server {
				p = FromServer
			}
			for _, src := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				_, err := readAll(src, p)
				var pe *ProtocolError
				if tt.reason == "" {
					if err != io.EOF {
						t.Fatalf("error %v, want EOF", err)
					}
					continue
				}
				if !errors.As(err, &pe) {
					t.Fatalf("error %v, want a ProtocolError", err)
				}
				if pe.Reason != tt.reason || tt.line != "" && pe.Line != tt.line {
					t.Errorf("got %q, %q; want %q, %q", pe.Reason, pe.Line, tt.reason, tt.line)
				}
			}
		})
	}
}

func TestReaderEnds(t *testing.T) {
	for in, want := range map[string]error{
		"":                   io.EOF,
		"PNG\r\n":            io.EOF,
		"PNG\r\n\r\n":        io.EOF,
		"PN":                 io.ErrUnexpectedEOF,
		"PNG\r":              io.ErrUnexpectedEOF,
		"MSG 1 U 3\r\n":      io.ErrUnexpectedEOF,
		"MSG 1 U 3\r\nab":    io.ErrUnexpectedEOF,
		"MSG 1 U 0\r\n":      io.EOF,
		"MSG 1 U 3\r\nabcPN": io.ErrUnexpectedEOF,
	} {
		r := NewReader(iotest.OneByteReader(strings.NewReader(in)), FromClient)
		var err error
		for err == nil {
			_, err = r.Read()
		}
		if err != want {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
		if _, again := r.Read(); again != err {
			t.Errorf("%q: then %v", in, again)
		}
	}
}

func TestReaderSourceErrors(t *testing.T) {
	if _, err := NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("PNG\r\n"))), FromClient).Read(); err != iotest.ErrTimeout {
		t.Errorf("timeout became %v", err)
	}
	if _, err := NewReader(emptyReader{}, FromClient).Read(); err != io.ErrNoProgress {
		t.Errorf("a source of nothing gives %v", err)
	}
	refuse := func(string, []string) (int, bool, error) { return 0, false, errors.New("no") }
	_, err := NewReader(strings.NewReader("PNG\r\n"), refuse).Read()
	var pe *ProtocolError
	if !errors.As(err, &pe) || pe.Reason != ReasonRefused || pe.Line != "PNG" {
		t.Errorf("refusing PayloadFunc gives %v", err)
	}
	if got := err.Error(); got != "wire: refused: PNG" {
		t.Errorf("Error() = %q", got)
	}
	if got := (&ProtocolError{Reason: ReasonAck}).Error(); got != "wire: bad acknowledgement letter" {
		t.Errorf("Error() = %q", got)
	}
}

func TestCommandAccessors(t *testing.T) {
	for in, want := range map[string]bool{"0": true, "4294967295": true, "007": true, "4294967296": false,
		"-1": false, "+1": false, "x": false, "": false, "99999999999999999999999": false} {
		if got := IsTrID(in); got != want {
			t.Errorf("IsTrID(%q) = %v", in, got)
		}
		id, ok := cmd("PNG", in).TrID()
		if ok != want || ok && id != in {
			t.Errorf("TrID of %q = %q, %v", in, id, ok)
		}
	}
	if _, ok := cmd("PNG").TrID(); ok {
		t.Error("PNG has a TrID")
	}
	c := cmd("217", "3")
	if n, ok := c.Code(); n != 217 || !ok {
		t.Errorf("Code = %d, %v", n, ok)
	}
	if _, ok := cmd("VER").Code(); ok {
		t.Error("VER has a code")
	}
	if c.Arg(0) != "3" || c.Arg(1) != "" || c.Arg(-1) != "" {
		t.Error("Arg is wrong")
	}
}

func TestAppendLine(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"PNG"}, "PNG\r\n"},
		{[]string{"ADD", "0", "RL", "13", "carol@example.net", "Carol%20M"}, "ADD 0 RL 13 carol@example.net Carol%20M\r\n"},
		{[]string{"NLN", "NLN", "a@b.c", "two words\r\nOUT OTH\x00\x7f"}, "NLN NLN a@b.c two%20words%0D%0AOUT%20OTH%00%7F\r\n"},
		{[]string{"PRP", "8", "12", "PHH", ""}, "PRP 8 12 PHH \r\n"},
		{[]string{"REA", "1", "é ☕"}, "REA 1 é%20☕\r\n"},
	}
	for _, tt := range tests {
		got := AppendLine([]byte("X"), tt.args[0], tt.args[1:]...)
		if string(got) != "X"+tt.want {
			t.Errorf("%q: got %q", tt.args, got)
		}
	}
	got := AppendPayload([]byte("PNG\r\n"), []byte("café ☕"), "MSG", "a@b.c", "A")
	if want := "PNG\r\nMSG a@b.c A 9\r\ncafé ☕"; string(got) != want {
		t.Errorf("got %q", got)
	}
	if got := AppendPayload(nil, nil, "MSG", "3", "U"); string(got) != "MSG 3 U 0\r\n" {
		t.Errorf("got %q", got)
	}
}

// What is written is read back, whatever stands in the arguments.
func FuzzAppendLine(f *testing.F) {
	f.Add("NLN", "a@b.c", "two words\r\nOUT OTH")
	f.Add("0", "", "\x00\xff")
	f.Fuzz(func(t *testing.T, a, b, payload string) {
		if len(a)+len(b) > 2000 || len(payload) > MaxPayload {
			t.Skip()
		}
		stream := AppendLine(nil, "ZZZ", "1", a, b)
		stream = AppendPayload(stream, []byte(payload), "MSG", "2", "U")
		got, err := readAll(bytes.NewReader(stream), FromClient)
		if err != io.EOF || len(got) != 2 {
			t.Fatalf("%q reads as %q, %v", stream, got, err)
		}
		if len(got[0].Args) > 3 || got[0].Args[0] != "1" || got[0].Verb != "ZZZ" {
			t.Errorf("arguments leak: %q", got[0])
		}
		if string(got[1].Payload) != payload {
			t.Errorf("payload %q became %q", payload, got[1].Payload)
		}
	})
}

// The same bytes in any pieces give the same commands and the same end.
func FuzzReader(f *testing.F) {
	seeds := []string{
		"VER 0 MSNP8 CVR0\r\nUSR 2 TWN I a@b.c\r\n",
		"MSG 3 N 5\r\nab\r\ncMSG 4 U 0\r\nPNG\n",
		"QRY 1 PROD00504RLUG%WL 32\r\n8f2f5a91b72102cd28355e9fc9000d6eOUT\r\n",
		"hello world\r\n", "MSG 4 N 1665\r\n", "SYN 1 0\r\n\r\n  \r\nINF 2 \r\n",
		"VER 0 " + strings.Repeat("x", 600) + "\r\nPNG\r\n",
	}
	for _, s := range seeds {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	for _, stream := range captureStreams(f) {
		f.Add(stream.bytes, stream.server)
	}
	f.Fuzz(func(t *testing.T, in []byte, server bool) {
		p := FromClient
		if server {
			p = FromServer
		}
		want, wantErr := readAll(bytes.NewReader(in), p)
		for _, src := range []io.Reader{iotest.OneByteReader(bytes.NewReader(in)), iotest.HalfReader(bytes.NewReader(in))} {
			got, err := readAll(src, p)
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(err, wantErr) {
				t.Fatalf("pieces give %q, %v; the whole %q, %v", got, err, want, wantErr)
			}
		}
		for _, c := range want {
			if !isVerb(c.Verb) && !isCode(c.Verb) || len(c.Payload) > MaxServerPayload {
				t.Errorf("bad command %q", c)
			}
			for _, a := range c.Args {
				if a == "" || strings.ContainsAny(a, " \r\n\x00") {
					t.Errorf("bad argument in %q", c)
				}
			}
			_ = Redact(c)
		}
	})
}
