package ns

import (
	"context"
	"slices"
	"strings"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

const (
	// maxPhone is the longest phone value in escaped bytes (msnp.md 15).
	maxPhone = 95
	// phoneWord is how long the name of a phone setting is.
	phoneWord = 3
)

// phoneKinds are the phone settings in the order of SYN (msnp.md 7.3).
var phoneKinds = [...]server.PhoneKind{
	server.PhoneHome, server.PhoneWork, server.PhoneMobile, server.MobileOpen, server.MobileEnabled,
}

// isSwitch: the settings that are Y or N.
func isSwitch(k server.PhoneKind) bool { return k == server.MobileOpen || k == server.MobileEnabled }

// phoneValue is a setting's value as a parameter: a switch that is not set is N,
// a number that is not set is empty and left out.
func phoneValue(k server.PhoneKind, value string) string {
	if value == "" && isSwitch(k) {
		return "N"
	}
	return wire.Escape(value)
}

// shownPhone is phoneValue of the one of that kind.
func shownPhone(k server.PhoneKind, set []server.Phone) string {
	i := slices.IndexFunc(set, func(p server.Phone) bool { return p.Kind == k })
	if i < 0 {
		return phoneValue(k, "")
	}
	return phoneValue(k, set[i].Value)
}

// prp answers PRP, which sets a phone setting or, without a value, unsets it
// (msnp.md 7.5).
func (s *session) prp(ctx context.Context, cmd wire.Command) error {
	if len(cmd.Args[1]) > phoneWord {
		return server.Quit("name of a phone setting too long")
	}
	value := ""
	if len(cmd.Args) > 2 {
		if len(cmd.Args[2]) > maxPhone {
			return server.Quit("phone value too long")
		}
		value = strings.Clone(wire.Unescape(cmd.Args[2]))
	}
	k := server.PhoneKind(cmd.Args[1])
	i := slices.Index(phoneKinds[:], k)
	if i < 0 || isSwitch(k) && value != "" && value != "Y" && value != "N" {
		return wire.Refuse(wire.ErrUnexpected)
	}
	k = phoneKinds[i] // not a piece of the line, which may be kept for long
	p, ok := s.acct.(server.Phoner)
	if !ok {
		return wire.Refuse(wire.ErrDisabled)
	}
	return p.SetPhone(ctx, k, value, func(v uint32, now string) {
		s.c.ReplyBytes(line(nil, "PRP", cmd.Args[0], version(v), string(k), phoneValue(k, now)))
	})
}
