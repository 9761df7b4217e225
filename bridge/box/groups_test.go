package box

import (
	"testing"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/wire"
)

// pc gives accounts a password for PC clients and a runner that signs them in.
func (r *rig) pc(names ...string) *msnptest.Runner {
	r.t.Helper()
	for _, name := range names {
		if err := r.hub.SetPassword(r.t.Context(), acct(name), "hunter22", true); err != nil {
			r.t.Fatal(err)
		}
	}
	return msnptest.NewRunner(r.t, r.msnp)
}

func TestGroupsAndPhones(t *testing.T) {
	r := newRig(t)
	run := r.pc("alice", "carol")
	run.SignIn("A", "MSNP7", "alice@webtv.local", "hunter22")
	run.SignIn("C", "MSNP7", "carol@webtv.local", "hunter22")
	run.File("testdata/groups.txt")
}

// Groups and phones are there at the next sign-in, and in the layout of MSNP8.
func TestGroupsAndPhonesPersist(t *testing.T) {
	r := newRig(t)
	run := r.pc("alice", "carol")
	run.SignIn("C", "MSNP7", "carol@webtv.local", "hunter22")
	run.SignIn("A", "MSNP7", "alice@webtv.local", "hunter22")
	run.Do("CC> PRP 5 PHM 777\nSC> PRP 5 2 PHM 777\nCA> ADG 5 Friends 0\nSA> ADG 5 2 Friends 1 0\n" +
		"CA> PRP 6 PHW 1%202\nSA> PRP 6 3 PHW 1%202\nCA> ADD 7 FL carol@webtv.local Carol 1\n" +
		"SA> ADD 7 FL 4 carol@webtv.local Carol 1\nSA> ILN 7 NLN carol@webtv.local Carol\n" +
		"CA> ADD 8 FL echo@loopback.example Echo 0\nSA> ADD 8 FL 5 echo@loopback.example Echo 0\nSA> ILN 8 NLN echo@loopback.example Echo\n" +
		"CA> OUT\nSA> [closed]")
	b := r.signIn("alice", wire.MSNP8)
	if g := b.roster.Groups; len(g) != 2 || g[0] != (msnp.Group{ID: 0, Name: "Other Contacts"}) || g[1] != (msnp.Group{ID: 1, Name: "Friends"}) {
		t.Errorf("groups %+v", g)
	}
	if p := b.roster.Phones; len(p) != 1 || p["PHW"] != "1 2" {
		t.Errorf("own phones %v", p)
	}
	c, ok := b.roster.Find("carol@webtv.local")
	if !ok || len(c.Groups) != 1 || c.Groups[0] != 1 || c.Phones["PHM"] != "777" {
		t.Errorf("carol: %+v", c)
	}
	if b.roster.Version != 5 {
		t.Errorf("version %d, want 5", b.roster.Version)
	}
}

// Who is blocked sees no numbers, and sees them when that is over.
func TestPhonesAreForFriends(t *testing.T) {
	r := newRig(t)
	run := r.pc("alice", "carol")
	run.SignIn("C", "MSNP7", "carol@webtv.local", "hunter22")
	run.SignIn("A", "MSNP5", "alice@webtv.local", "hunter22")
	run.Do("CC> ADD 5 BL alice@webtv.local Alice\nSC> ADD 5 BL 2 alice@webtv.local Alice\nCC> PRP 6 PHM 777\nSC> PRP 6 3 PHM 777\n" +
		"CA> ADD 7 FL carol@webtv.local Carol\nSA> ADD 7 FL 2 carol@webtv.local Carol\nSA> [quiet]\n" +
		"CA> SYN 8 2\nSA> SYN 8 2\nCC> PRP 9 PHM 888\nSC> PRP 9 * PHM 888\nSA> [quiet]\n" +
		"CC> REM 10 BL alice@webtv.local\nSC> REM 10 BL * alice@webtv.local\nSA> BPR 3 carol@webtv.local PHM 888\nCC> PRP 11 PHM 999\nSC> PRP 11 * PHM 999\n" +
		"SA> BPR 4 carol@webtv.local PHM 999")
}
