package sb_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

var ringing = regexp.MustCompile(`RINGING [0-9]+`)

// converse gives what the switchboard says to Alice who sends input after her
// USR, with what is random taken out.
func converse(t *testing.T, input []byte, chunk int) string {
	t.Helper()
	sc := start(t, server.Options{}, "A")
	sc.r.Do("CA> XFR 1 SB\nSA> XFR 1 SB * CKI {k}")
	whole := append([]byte("USR 1 alice@example.net "+sc.r.Vars["k"]+"\r\n"), input...)
	out := msnptest.Say(t, sc.Addr, whole, chunk)
	if n := sc.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	return ringing.ReplaceAllString(out, "RINGING x")
}

// Whatever is said on a switchboard, nothing panics, the connection ends, and
// the answer does not depend on how the bytes were cut up.
func FuzzBoard(f *testing.F) {
	text, err := os.ReadFile("testdata/friend.txt")
	if err != nil {
		f.Fatal(err)
	}
	var said strings.Builder
	for _, line := range strings.Split(string(text), "\n") {
		if c, ok := strings.CutPrefix(line, "Ca> "); ok && !strings.HasPrefix(c, "USR") {
			said.WriteString(strings.Replace(c, "{len}", "0", 1) + "\r\n")
		}
	}
	f.Add([]byte(said.String()))
	f.Add([]byte("CAL 2 coolcat@discord.com\r\nMSG 3 A 5\r\nhelloMSG 4 N 0\r\nPNG\r\nMSG 5 U 2\r\n\r\nOUT\r\n"))
	f.Add([]byte("CAL 2 hello\r\nCAL 3 nobody@example.net\r\nCAL 4 alice%40example.net\r\nZZZ 5\r\nMSG 6 A 70\r\nshort"))
	f.Add([]byte("MSG 1 A 1665\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		whole := converse(t, data, 0)
		if parts := converse(t, data, 3); parts != whole {
			t.Errorf("whole %q\nparts %q", whole, parts)
		}
		if !strings.HasPrefix(whole, "USR 1 OK alice@example.net Alice\r\n") || !strings.HasSuffix(whole, "\n") {
			t.Errorf("said %q", whole)
		}
	})
}
