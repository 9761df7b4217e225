package ns_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

var (
	cookies = regexp.MustCompile(`CKI [0-9.]+`)
	ports   = regexp.MustCompile(`ClientPort: \d+\r\n`)
	lengths = regexp.MustCompile(`Hotmail 3\d\d\r\n`)
)

// converse gives the server's side, with what is random taken out.
func converse(t *testing.T, input []byte, chunk int) string {
	t.Helper()
	s := msnptest.Start(t, server.Options{Advertise: "192.0.2.1:1863"})
	people(s)
	out := msnptest.Say(t, s.Addr, input, chunk)
	if n := s.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	out = cookies.ReplaceAllString(out, "CKI x")
	return lengths.ReplaceAllString(ports.ReplaceAllString(out, ""), "Hotmail n\r\n")
}

// Whatever a client sends, nothing panics, the connection ends, every line is
// whole, and the answer does not depend on how the bytes were cut up.
func FuzzSession(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var said strings.Builder
		for _, line := range strings.Split(string(text), "\n") {
			if c, ok := strings.CutPrefix(line, "C> "); ok && !strings.HasPrefix(c, "\"") {
				said.WriteString(c + "\r\n")
			}
		}
		f.Add([]byte(said.String()))
	}
	const in = "VER 1 MSNP7\r\nUSR 2 MD5 I alice@example.net\r\nUSR 3 MD5 S 1c2bd3b5837ea132b7befba304a26e43\r\n"
	f.Add([]byte(in + "SYN 1 0\r\nCHG 2 NLN\r\nADD 3 FL x@y.zz x 0\r\nREM 4 FL x@y.zz 0\r\nXFR 5 SB\r\nPNG\r\n"))
	f.Add([]byte(in + "QRY 1 a 32\r\n0123456789abcdef0123456789abcdefADL 2 3\r\nabcUUX 3 0\r\nREA 4 alice@example.net %20%zz%41\r\n"))
	f.Add([]byte(in + "LSG 1\r\nADG 2 A%20b 0\r\nREG 3 1 C 0\r\nADD 4 FL bob@example.net B 1\r\nREM 5 FL bob@example.net 0\r\nRMG 6 1\r\nLST 7 FL\r\n"))
	f.Add([]byte(in + "PRP 1 PHH 1%202\r\nPRP 2 MOB Y\r\nPRP 3 MBE Y\r\nURL 4 INBOX\r\nSND 5 a@b.cc\r\nSDC 6 a@b.cc 1 2 3 X X n 3\r\nabcFND 7 x\r\nCHL 8\r\nQRY 9 a 3\r\nabc"))
	f.Add([]byte("USR 1 alice@example.net 1.2.3\r\nMSG 1 N 3\r\nabc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		whole := converse(t, data, 0)
		if parts := converse(t, data, 3); parts != whole {
			t.Errorf("whole %q\nparts %q", whole, parts)
		}
		if whole != "" && !strings.HasSuffix(whole, "\n") {
			t.Errorf("output ends within a line: %q", whole)
		}
	})
}
