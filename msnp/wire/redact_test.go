package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	tests := []struct {
		in   Command
		want string
	}{
		{cmd("VER", "0", "MSNP8", "CVR0"), "VER 0 MSNP8 CVR0"},
		{cmd("USR", "2", "MD5", "I", "alice@example.net"), "USR 2 MD5 I alice@example.net"},
		{cmd("USR", "2", "TWN", "S", "ct=1,rver=1"), "USR 2 TWN S ***"},
		{cmd("USR", "3", "MD5", "S", "1c2bd3b5"), "USR 3 MD5 S ***"},
		{cmd("USR", "3", "MD5", "S", "200:", "OK"), "USR 3 MD5 S *** ***"},
		{cmd("USR", "3", "MD5", "secret"), "USR 3 MD5 ***"},
		{cmd("USR", "3", "CTP", "S", "hunter22"), "USR 3 *** *** ***"},
		{cmd("USR", "3", "hunter22"), "USR 3 ***"},
		{cmd("USR", "hunter22"), "USR ***"},
		{cmd("USR", "3", "OK", "alice@example.net", "Alice", "1", "0"), "USR 3 OK alice@example.net Alice 1 0"},
		{cmd("USR", "1", "alice@example.net", "1726322100.48213.7719"), "USR 1 alice@example.net ***"},
		{cmd("USR", "1", "OK", "alice@example.net", "Alice"), "USR 1 OK alice@example.net Alice"},
		{cmd("ANS", "1", "bob@example.net", "1726322101.9911.2040", "11752013"), "ANS 1 bob@example.net *** ***"},
		{cmd("ANS", "1", "OK"), "ANS 1 OK"},
		{cmd("XFR", "11", "SB"), "XFR 11 SB"},
		{cmd("XFR", "11", "SB", "192.0.2.1:1863", "CKI", "1.2.3"), "XFR 11 SB 192.0.2.1:1863 CKI ***"},
		{cmd("XFR", "11", "SB", "192.0.2.1:1863", "1.2.3"), "XFR 11 SB 192.0.2.1:1863 ***"},
		{cmd("XFR", "2", "NS", "192.0.2.1:1863", "0", "192.0.2.2:1863"), "XFR 2 NS 192.0.2.1:1863 0 192.0.2.2:1863"},
		{cmd("RNG", "7", "192.0.2.1:1863", "CKI", "1.2.3", "a@b.c", "A"), "RNG 7 192.0.2.1:1863 CKI *** a@b.c A"},
		{cmd("RNG", "7", "192.0.2.1:1863", "x", "1.2.3"), "RNG 7 192.0.2.1:1863 *** ***"},
		{cmd("PRP", "3", "PHH", "555%201234"), "PRP 3 PHH ***"},
		{cmd("PRP", "8", "12", "MOB", "N"), "PRP 8 12 MOB N"},
		{cmd("BPR", "12", "a@b.c", "PHH", "1"), "BPR 12 a@b.c PHH ***"},
		{cmd("MSG", "3", "N", "122").with(helloBob + "Hello Bob"), "MSG 3 N 122 [122 bytes text]"},
		{cmd("MSG", "3", "U", "88").with(bobTypes), "MSG 3 U 88 [88 bytes typing]"},
		{cmd("MSG", "3", "U", "276").with(fileInvite), "MSG 3 U 276 [276 bytes invitation]"},
		{cmd("MSG", "3", "U", "6").with("secret"), "MSG 3 U 6 [6 bytes]"},
		{cmd("QRY", "1", "msmsgs@msnmsgr.com", "32").with("8f2f5a91b72102cd28355e9fc9000d6e"), "QRY 1 msmsgs@msnmsgr.com 32 [32 bytes]"},
		{cmd("REA", "1", "a@b.c", "Ren\xe9\u202e"), "REA 1 a@b.c Ren\uFFFD?"},
		{cmd("ADD", "1", "FL", strings.Repeat("x", 8000)), "ADD 1 FL " + strings.Repeat("x", 191) + ".."},
		{cmd("PNG"), "PNG"},
	}
	for _, tt := range tests {
		if got := Redact(tt.in); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// Nothing a client could prove itself with shows, wherever it stands in USR.
func TestRedactHidesSecretsAnywhere(t *testing.T) {
	const secret = "s3cr3t"
	for _, line := range []string{
		"USR s3cr3t", "USR 1 s3cr3t", "USR 1 MD5 s3cr3t", "USR 1 MD5 S s3cr3t", "USR 1 MD5 S a s3cr3t", "USR 1 TWN I a@b.c s3cr3t",
		"USR 1 a@b.c s3cr3t", "USR 1 a@b.c x s3cr3t", "ANS 1 a@b.c s3cr3t 1", "ANS 1 a@b.c 1 s3cr3t", "XFR 1 SB h CKI s3cr3t",
		"RNG 1 h CKI s3cr3t a@b.c A", "USR 1 SSO S s3cr3t", "usr 1 TWN S s3cr3t", " USR\t1 s3cr3t", "s3cr3t s3cr3t",
		"PRP 1 PHH 1 s3cr3t", "USR 1 TWN S s3cr3t\x01",
	} {
		if got := RedactLine(line); strings.Contains(got, secret) {
			t.Errorf("%q shows as %q", line, got)
		}
	}
}

func TestError(t *testing.T) {
	cause := errors.New("wrong hash")
	e := Fail(ErrAuthFailed, cause)
	if e.Error() != "msnp: error 911: wrong hash" || !e.Fatal || !errors.Is(e, cause) {
		t.Errorf("Fail: %v, %v", e, e.Fatal)
	}
	if e := Refuse(ErrNotOnline); e.Error() != "msnp: error 217" || e.Fatal || e.Unwrap() != nil {
		t.Errorf("Refuse: %v, %v", e, e.Fatal)
	}
}

func TestTypes(t *testing.T) {
	for in, want := range map[string]Dialect{"MSNP2": MSNP2, "msnp8": MSNP8, "Msnp6": MSNP6} {
		if got, ok := ParseDialect(in); got != want || !ok {
			t.Errorf("ParseDialect(%q) = %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"MSNP1", "MSNP9", "MSNP15", "CVR0", "", "MSNP", "MSNPx", "XSNP8"} {
		if got, ok := ParseDialect(in); ok {
			t.Errorf("ParseDialect(%q) = %v", in, got)
		}
	}
	if MSNP3.String() != "MSNP3" {
		t.Errorf("%v", MSNP3)
	}
	for _, s := range []string{"NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN", "HDN", "FLN"} {
		if got, ok := ParseStatus(s); string(got) != s || !ok {
			t.Errorf("ParseStatus(%q) = %q, %v", s, got, ok)
		}
	}
	for _, s := range []string{"nln", "", "XXX"} {
		if _, ok := ParseStatus(s); ok {
			t.Errorf("ParseStatus(%q)", s)
		}
	}
	var names []string
	var all Lists
	EachList(func(l List) {
		names = append(names, l.String())
		all = all.With(l)
		if got, ok := ParseList(l.String()); got != l || !ok {
			t.Errorf("ParseList(%q) = %v, %v", l, got, ok)
		}
	})
	if strings.Join(names, " ") != "FL AL BL RL" || all != 15 || all.Without(Block) != 11 || all.Without(Block).Has(Block) || !all.Has(Reverse) {
		t.Errorf("lists %v, %d", names, all)
	}
	if _, ok := ParseList("fl"); ok || List(3).String() != "List(3)" {
		t.Error("ParseList takes fl, or List(3) has a name")
	}
}
