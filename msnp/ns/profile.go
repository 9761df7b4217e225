package ns

import (
	"math/bits"
	"strconv"

	"wtvgate/msnp/wire"
)

// profile appends the message that follows USR OK (msnp.md 6). No value may hold
// a colon: Twisted rejects the header then.
func (s *session) profile(dst []byte) []byte {
	p := s.acct.Profile()
	num := func(n int64) string { return strconv.FormatInt(n, 10) }
	b := make([]byte, 0, 512)
	head := func(name, value string) {
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, value...)
		b = append(b, "\r\n"...)
	}
	head("MIME-Version", "1.0")
	head("Content-Type", wire.TypeProfile+"; charset=UTF-8")
	head("LoginTime", num(p.Since.Unix()))
	if s.traits.profile >= profileAccount {
		head("EmailEnabled", "0") // 1 would make the client ask for a mailbox
		head("MemberIdHigh", "0")
		head("MemberIdLow", num(p.MemberID&0xFFFFFFFF))
		head("lang_preference", "1033")
		head("preferredEmail", p.Email)
		head("country", "US")
		for _, name := range []string{"PostalCode", "Gender"} {
			head(name, "")
		}
		head("Kid", "0")
		for _, name := range []string{"Age", "BDayPre", "Birthday", "Wallet"} {
			head(name, "")
		}
		head("Flags", "1027")
		head("sid", "507")
		head("kv", "1")
		head("MSPAuth", "0")
	}
	if s.traits.profile >= profileClient {
		ip, port := "0.0.0.0", uint16(0)
		if r := s.c.Client().Remote; r.Addr().Is4() {
			ip, port = r.Addr().String(), r.Port()
		}
		head("ClientIP", ip)
		head("ClientPort", strconv.Itoa(int(bits.ReverseBytes16(port))))
	}
	b = append(b, "\r\n"...)
	return wire.AppendPayload(dst, b, "MSG", "Hotmail", "Hotmail")
}
