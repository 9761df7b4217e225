package ns_test

import (
	"strings"
	"testing"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// The table of msnp.md 18.2: every command of the notification server in every
// dialect, said by Alice, who is visible and has Bob on FL, AL and RL at version
// 12. docs/conformance.md names these tests.

// answers are what comes back by dialect: the key is one digit, or two for a
// range. Lines are divided by |; "" is nothing at all, "closed" the end.
type answers map[string]string

func (a answers) of(d wire.Dialect) (string, bool) {
	n := byte('0' + d)
	for key, answer := range a {
		if n >= key[0] && n <= key[len(key)-1] {
			return answer, true
		}
	}
	return "", false
}

const bobLine = "bob@example.net Bob%20Smith"

var matrix = []struct {
	verb, line string
	want       answers
}{
	{"VER", "VER 9 MSNP3", answers{"28": "715 9|closed"}},
	{"INF", "INF 9", answers{"27": "INF 9 MD5", "8": "closed"}},
	{"CVR", "CVR 9 0x0409 win 4.10 i386 MSMSGS 3.0 MSMSGS alice@example.net",
		answers{"28": "CVR 9 3.0 3.0 3.0 http://gateway.example.net/ http://gateway.example.net/"}},
	{"CVQ", "CVQ 9 0x0409 win 4.10 i386 MSMSGS 3.0",
		answers{"28": "CVQ 9 3.0 3.0 3.0 http://gateway.example.net/ http://gateway.example.net/"}},
	{"USR", "USR 9 MD5 I alice@example.net", answers{"28": "207 9"}},
	{"SYN", "SYN 9 12", answers{"28": "SYN 9 12"}},
	{"LST", "LST 9 RL", answers{"27": "LST 9 RL 12 1 1 " + bobLine, "8": "502 9"}},
	{"LST", "LST 9 FL", answers{"26": "LST 9 FL 12 1 1 " + bobLine, "7": "LST 9 FL 12 1 1 " + bobLine + " 0", "8": "502 9"}},
	{"LSG", "LSG 9", answers{"26": "502 9", "7": "LSG 9 12 1 1 0 Other%20Contacts 0", "8": "502 9"}},
	{"CHG", "CHG 9 BSY 0", answers{"27": "CHG 9 BSY", "8": "CHG 9 BSY 0"}},
	{"CHG", "CHG 9 FLN", answers{"28": "201 9"}},
	{"ADD", "ADD 9 FL nick@example.net Nick 0", answers{"26": "ADD 9 FL 13 nick@example.net Nick", "78": "ADD 9 FL 13 nick@example.net Nick 0"}},
	{"ADD", "ADD 9 AL nick@example.net", answers{"28": "ADD 9 AL 13 nick@example.net nick@example.net"}},
	{"ILN", "ADD 9 FL cool@example.net Cool", answers{
		"27": "ADD 9 FL 13 cool@example.net Cool|ILN 9 AWY cool@example.net Coolcat",
		"8":  "ADD 9 FL 13 cool@example.net Cool|ILN 9 AWY cool@example.net Coolcat 0"}},
	{"REM", "REM 9 FL bob@example.net 0", answers{"26": "REM 9 FL 13 bob@example.net", "78": "REM 9 FL 13 bob@example.net 0"}},
	{"REM", "REM 9 AL bob@example.net", answers{"28": "REM 9 AL 13 bob@example.net"}},
	{"REA", "REA 9 bob@example.net Bobby%20B", answers{"28": "REA 9 13 bob@example.net Bobby%20B"}},
	{"REA", "REA 9 alice@example.net Al%25", answers{"28": "REA 9 13 alice@example.net Al%25"}},
	{"ADG", "ADG 9 My%20Friends 0", answers{"26": "502 9", "78": "ADG 9 13 My%20Friends 1 0"}},
	{"REG", "REG 9 0 Rest 0", answers{"26": "502 9", "78": "REG 9 13 0 Rest 0"}},
	{"RMG", "RMG 9 0", answers{"26": "502 9", "78": "230 9"}},
	{"BLP", "BLP 9 BL", answers{"28": "BLP 9 13 BL"}},
	{"GTC", "GTC 9 N", answers{"28": "GTC 9 13 N"}},
	{"PRP", "PRP 9 PHH 1%202", answers{"24": "502 9", "58": "PRP 9 13 PHH 1%202"}},
	{"PRP", "PRP 9 PHW", answers{"24": "502 9", "58": "PRP 9 12 PHW"}},
	{"XFR", "XFR 9 SB", answers{"28": "XFR 9 SB 192.0.2.1:1863 CKI *"}},
	{"IMS", "IMS 9 OFF", answers{"28": "IMS 9 0 OFF"}},
	{"QRY", "QRY 9 msmsgs@msnmsgr.com 32\n    8f2f5a91b72102cd28355e9fc9000d6e|", answers{"25": "502 9", "68": "QRY 9"}},
	{"QRY", "QRY 9 msmsgs@msnmsgr.com 3\n    abc|", answers{"25": "502 9", "68": "540 9|closed"}},
	{"CHL", "CHL 9", answers{"25": "502 9", "68": ""}},
	{"PNG", "PNG", answers{"28": "QNG"}},
	{"URL", "URL 9 INBOX", answers{"2": "URL 9 / http://gateway.example.net/", "38": "URL 9 / http://gateway.example.net/ 2"}},
	{"SND", "SND 9 x@example.net 0x0409 MSMSGS MSMSGS", answers{"28": "SND 9 OK"}},
	{"SDC", "SDC 9 x@example.net 0x0409 MSMSGS MSMSGS X X Alice 3\n    abc|", answers{"24": "502 9", "58": "SDC 9 OK"}},
	{"FND", "FND 9 fname=Bob lname=Smith", answers{"28": "502 9"}},
	{"UUX", "UUX 9 5\n    PNG", answers{"28": "502 9"}},
	{"ADL", "ADL 9 3\n    PNG|", answers{"28": "502 9"}},
	{"MSG", "MSG 9 N 3", answers{"28": "closed"}},
	{"OUT", "OUT", answers{"28": "closed"}},
}

func TestMatrix(t *testing.T) {
	for d := wire.MSNP2; d <= wire.MSNP8; d++ {
		for _, row := range matrix {
			t.Run(d.String()+" "+strings.SplitN(row.line, "\n", 2)[0], func(t *testing.T) {
				want, ok := row.want.of(d)
				if !ok {
					t.Fatal("no answer is expected")
				}
				s, _ := world(t, server.Options{Advertise: "192.0.2.1:1863"})
				s.Backend.AddFriend("cool@example.net", "Coolcat").Status = wire.Away
				r := s.Runner(t)
				r.SignIn("", d.String(), "alice@example.net", "hunter22")
				tail := map[bool]string{true: " 0"}[d == wire.MSNP8]
				script := "S> ILN 4 NLN " + bobLine + tail + "\nC> " + row.line + "\n"
				for _, line := range strings.Split(want, "|") {
					switch line {
					case "":
						script += "S> [quiet]\n"
					case "closed":
						script += "S> [closed]\n"
					default:
						script += "S> " + line + "\n"
					}
				}
				if !strings.HasSuffix(want, "closed") {
					script += "S> [quiet]\n"
				}
				r.Do(script)
			})
		}
	}
}

// What comes unasked, in every dialect.
func TestNoticeMatrix(t *testing.T) {
	for d := wire.MSNP2; d <= wire.MSNP8; d++ {
		t.Run(d.String(), func(t *testing.T) {
			s, alice := world(t, server.Options{Advertise: "192.0.2.1:1863"})
			r := s.Runner(t)
			r.SignIn("", d.String(), "alice@example.net", "hunter22")
			id, group := "", ""
			if d == wire.MSNP8 {
				id = " 0"
			}
			if d >= wire.MSNP7 {
				group = " 0"
			}
			r.Do("S> ILN 4 NLN " + bobLine + id + "\nC> SYN 5 12\nS> SYN 5 12")
			n := alice.Notifier()
			n.Presence(server.Presence{Person: carol, Status: wire.Lunch})
			n.Presence(server.Presence{Person: carol, Status: wire.Offline})
			n.Added(wire.Reverse, 13, carol)
			n.Added(wire.Forward, 14, carol)
			n.Removed(wire.Forward, 15, carol.Address)
			n.Phone(16, carol.Address, server.Phone{Kind: server.PhoneHome, Value: "5 5"})
			ring, err := s.Boards.Invite(s.Backend.AddFriend(carol.Address, carol.Name), alice.Principal())
			if err != nil {
				t.Fatal(err)
			}
			n.Ring(ring)
			n.Close(server.SignedInElsewhere)
			bpr := ""
			if d >= wire.MSNP5 {
				bpr = "S> BPR 16 carol@example.net PHH 5%205\n"
			}
			r.Do("S> NLN LUN carol@example.net Carol%20M" + id + "\nS> FLN carol@example.net\n" +
				"S> ADD 0 RL 13 carol@example.net Carol%20M\nS> ADD 0 FL 14 carol@example.net Carol%20M" + group + "\n" +
				"S> REM 0 FL 15 carol@example.net\n" + bpr +
				"S> RNG * 192.0.2.1:1863 CKI * carol@example.net Carol%20M\nS> OUT OTH\nS> [closed]")
		})
	}
}
