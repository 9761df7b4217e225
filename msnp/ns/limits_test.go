package ns_test

import (
	"strings"
	"testing"

	"wtvgate/msnp/server"
)

// The lengths of msnp.md 15 at the client's door: the last that is taken, and
// what becomes of the next.
func TestLengths(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	address := func(n int) string { return long(n-len("@example.org")) + "@example.org" }
	for _, tt := range []struct{ name, line, answer string }{
		{"address of 129", "ADD 9 FL " + address(129) + " x", "205 9"},
		{"address of 130", "ADD 9 FL " + address(130) + " x", "201 9"},
		{"nick of 387", "REA 9 bob@example.net " + long(387), "REA 9 13 bob@example.net " + long(387)},
		{"nick of 388", "REA 9 bob@example.net " + long(388), "209 9"},
		{"own name of 387", "REA 9 alice@example.net " + long(387), "REA 9 13 alice@example.net " + long(387)},
		{"own name of 388", "REA 9 alice@example.net " + long(388), "209 9"},
		{"nick of 387 in ADD", "ADD 9 BL nick@example.net " + long(387), "ADD 9 BL 13 nick@example.net " + long(387)},
		{"nick of 388 in ADD", "ADD 9 BL nick@example.net " + long(388), "[closed]"},
		{"group name of 61", "ADG 9 " + long(61) + " 0", "ADG 9 13 " + long(61) + " 1 0"},
		{"group name of 62", "ADG 9 " + long(62) + " 0", "229 9"},
		{"group name of 62 as written, 22 as meant", "ADG 9 " + strings.Repeat("%41", 22) + " 0", "ADG 9 13 " + strings.Repeat("A", 22) + " 1 0"},
		{"group name of 388", "ADG 9 " + long(388) + " 0", "[closed]"},
		{"phone of 95", "PRP 9 PHH " + long(95), "PRP 9 13 PHH " + long(95)},
		{"phone of 96", "PRP 9 PHH " + long(96), "[closed]"},
		{"capability of 20 digits", "CHG 9 NLN 12345678901234567890", "CHG 9 NLN 12345678901234567890"},
		{"capability of 21 digits", "CHG 9 NLN 123456789012345678901", "CHG 9 NLN 0"},
		{"version of 65", "CVR 9 0x0409 win 4.10 i386 MSMSGS " + long(65), "CVR 9 " + long(64) + " " + long(64) + " " + long(64) + " * *"},
		{"line of 8193", "REA 9 bob@example.net " + long(8193-22), "[closed]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := world(t, server.Options{})
			r := s.Runner(t)
			r.SignIn("", "MSNP8", "alice@example.net", "hunter22")
			r.Do("S> ILN 4 NLN bob@example.net Bob%20Smith 0\nC> " + tt.line + "\nS> " + tt.answer)
		})
	}
}

// A sign-in answer is no longer than a ticket can be.
func TestTicketLength(t *testing.T) {
	s, alice := world(t, server.Options{})
	for n, answer := range map[int]string{2048: "USR 3 OK alice@example.net Alice 1 0\nS> MSG Hotmail Hotmail *\n    *", 2049: "911 3\nS> [closed]"} {
		alice.Ticket = strings.Repeat("t", n)
		s.Runner(t).Do("C> VER 1 MSNP8\nS> VER 1 MSNP8\nC> USR 2 TWN I alice@example.net\nS> USR 2 TWN S *\n" +
			"C> USR 3 TWN S " + alice.Ticket + "\nS> " + answer)
	}
}
