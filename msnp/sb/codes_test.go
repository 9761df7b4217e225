package sb_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wtvgate/msnp/sb"
	"wtvgate/msnp/server"
)

// One transcript for each error number of the switchboard. In these, A is Alice's
// notification connection and a a switchboard of hers, alone in it, let in by
// {acookie}; Bob is signed in.
func TestErrorCodes(t *testing.T) {
	files, err := filepath.Glob("testdata/codes/*.txt")
	if err != nil || len(files) != 7 {
		t.Fatalf("transcripts: %v, %v", files, err)
	}
	for _, file := range files {
		code := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(code, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), "> "+code+" ") {
				t.Fatalf("%s never has %s: %v", file, code, err)
			}
			sc := start(t, server.Options{}, "AB")
			if code == "280" {
				// A cookie from before the last board that fits.
				sc.r.Do("CA> XFR 89 SB\nSA> XFR 89 SB * CKI {spare}")
				for i := range sb.MaxBoards - 1 {
					sc.r.Board("full"+strconv.Itoa(i), "A", "alice@example.net")
				}
			}
			sc.r.Board("a", "A", "alice@example.net")
			sc.r.File(file)
		})
	}
}
