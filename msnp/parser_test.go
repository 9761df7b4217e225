package msnp_test

import (
	"fmt"
	"strings"
	"testing"

	"wtvgate/msnp/wire"
)

// The parser itself refuses what those clients would stumble over.
func TestShapes(t *testing.T) {
	const syn7, syn8 = "SYN 1 4", "SYN 1 4 1 1"
	for _, tt := range []struct {
		dialect wire.Dialect
		lines   string // one a line; the last is refused, or with ! taken
	}{
		{wire.MSNP7, "VER 1 MSNP7!"}, {wire.MSNP7, "VER 1 MSNP6"}, {wire.MSNP7, "VER 1 MSNP7 CVR0"},
		{wire.MSNP7, "911"}, {wire.MSNP7, "911 2!"}, {wire.MSNP7, "OUT"}, {wire.MSNP7, "QNG 50"},
		{wire.MSNP5, "USR 4 OK a@b.cc A!"}, {wire.MSNP5, "USR 4 OK a@b.cc A 1"}, {wire.MSNP7, "USR 4 OK a@b.cc A"},
		{wire.MSNP8, "USR 4 OK a@b.cc A 1"}, {wire.MSNP8, "USR 4 OK a@b.cc A 1 0!"}, {wire.MSNP8, "USR 4 TWN S lc=1,ct=2"},
		{wire.MSNP7, "CHG 4 NLN 0"}, {wire.MSNP8, "CHG 4 NLN"}, {wire.MSNP8, "ILN 4 NLN a@b.cc A"}, {wire.MSNP7, "NLN NLN a@b.cc  A"},
		{wire.MSNP7, "XFR 4 SB host CKI 1.2.3"}, {wire.MSNP7, "XFR 4 SB host:1863 CKI 1.2.3!"},
		{wire.MSNP7, "RNG 4294967295 h:1 CKI 1.2.3 a@b.cc A"}, {wire.MSNP7, "RNG abc h:1 CKI 1.2.3 a@b.cc A"},
		{wire.MSNP7, "SYN 1 0"}, {wire.MSNP7, "SYN 1 4 1 1"}, {wire.MSNP7, syn7 + "\nGTC 1 5 A"}, {wire.MSNP7, syn7 + "\nCHG 2 NLN"},
		{wire.MSNP7, syn7 + "\nLST 1 AL 4 0 0"}, {wire.MSNP7, syn7 + "\nLST 1 FL 4 1 2 a@b.cc A 0\nLST 1 FL 4 1 2 c@d.ee C 0"},
		{wire.MSNP7, syn7 + "\nLST 1 FL 4 1 1 a@b.cc A"}, {wire.MSNP5, "SYN 1 4\nLST 1 FL 4 1 1 a@b.cc A 0"}, {wire.MSNP5, "SYN 1 4\nLSG 1 4 1 1 0 x 0"},
		{wire.MSNP7, syn7 + "\nLST 1 FL 4 0 0\nLST 1 AL 4 0 0\nLST 1 BL 4 0 0\nLST 1 RL 4 0 0\nCHG 2 NLN!"},
		{wire.MSNP8, syn8 + "\nLST a@b.cc A 3 0"}, {wire.MSNP8, syn8 + "\nLSG 0 x 0\nLST a@b.cc A 3"}, {wire.MSNP8, syn8 + "\nLSG 0 x 0\nLST a@b.cc A 4 0"},
		{wire.MSNP8, syn8 + "\nLSG 0 x 0\nLST a@b.cc A 0"}, {wire.MSNP8, syn8 + "\nLSG 0 x 0\nCHG 2 NLN 0"},
		{wire.MSNP8, syn8 + "\nLSG 0 x 0\nLST a@b.cc A 3 0\nCHG 2 NLN 0!"}, {wire.MSNP8, syn8 + "\nLSG 0 x 0\nLST a@b.cc A 3 0\nBLP 2 4 AL"},
		{wire.MSNP7, "SYN 1 4\nLST 1 FL 4 0 0\nLST 1 AL 4 0 0\nLST 1 BL 4 0 0\nLST 1 RL 4 0 0\nREA 2 4 a@b.cc A"},
	} {
		p := &parser{dialect: tt.dialect}
		script, good := strings.CutSuffix(tt.lines, "!")
		lines := strings.Split(script, "\n")
		var err error
		for i, line := range lines {
			if err = p.take(line, nil); err != nil && i < len(lines)-1 {
				t.Errorf("%s %q: refused at %q: %v", tt.dialect, script, line, err)
			}
		}
		if (err == nil) != good {
			t.Errorf("%s %q: %v", tt.dialect, script, err)
		}
	}
	for payload, good := range map[string]bool{
		"Content-Type: a\r\n\r\n": true, "": false, "\r\nContent-Type: a\r\n\r\n": false, "A: b\r\n\r\n": false,
		"Content-Type: a\r\nIP: a::b\r\n\r\n": false, "Content-Type: a\r\n\r\n" + strings.Repeat("x", 1240): false,
	} {
		p := &parser{dialect: wire.MSNP7}
		if err := p.take(fmt.Sprintf("MSG Hotmail Hotmail %d", len(payload)), []byte(payload)); (err == nil) != good {
			t.Errorf("payload %.40q: %v", payload, err)
		}
	}
	for line, good := range map[string]bool{"CAL 2 RINGING 17": true, "CAL 2 RINGING x17": false, "CAL 2 RINGING 4294967295": false,
		"IRO 1 1 1 a@b.cc A": true, "IRO 1 0 0 a@b.cc A": false, "ANS 1 OK": true, "JOI a@b.cc": false, "BYE a@b.cc 1": true, "ACK": false} {
		p := &parser{sb: true}
		if err := p.take(line, nil); (err == nil) != good {
			t.Errorf("%q: %v", line, err)
		}
	}
}
