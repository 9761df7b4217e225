package box

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"wtvgate/bridge/id"
	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/wire"
)

// TestSignInTranscripts: each dialect and kind of sign-in, word by word, against
// the gateway. A box asks messengerlogin for its answer; a PC client up to MSNP7
// makes it from a password.
func TestSignInTranscripts(t *testing.T) {
	for d := wire.MSNP2; d <= wire.MSNP8; d++ {
		file := fmt.Sprintf("testdata/signin-msnp%d.txt", d)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ask, answered, ok := strings.Cut(string(text), "# --- the answer\n")
		if !ok {
			t.Fatalf("%s does not say where the answer comes", file)
		}
		for _, kind := range []string{"messengerlogin", "password"} {
			if kind == "password" && d == wire.MSNP8 {
				continue // that is Passport's
			}
			t.Run(fmt.Sprint(d, " ", kind), func(t *testing.T) {
				r := newRig(t)
				if kind == "password" {
					r.pc("alice")
				}
				for _, c := range []struct {
					peer  string
					lists wire.Lists
				}{{carolAddr, 1}, {doraAddr, 4}, {echo, 3}} {
					if _, _, err := r.hub.AddContact(t.Context(), acct("alice"), id.Address(c.peer), map[string]string{carolAddr: "Carol", doraAddr: "Dora", echo: "Echo"}[c.peer], uint8(c.lists), nil); err != nil {
						t.Fatal(err)
					}
				}
				run := msnptest.NewRunner(t, r.msnp)
				run.Do(ask)
				run.Vars["answer"] = msnptest.MD5Answer(run.Vars["challenge"], "hunter22")
				if kind == "messengerlogin" {
					if run.Vars["answer"], err = r.credential("alice")(t.Context(), run.Vars["challenge"]); err != nil {
						t.Fatal(err)
					}
				}
				run.Do(answered)
			})
		}
	}
}
