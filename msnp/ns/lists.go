package ns

import (
	"context"
	"strconv"
	"strings"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

const (
	// maxName is the longest display name or nick in escaped bytes (msnp.md 15).
	maxName = 387
	// noSuchGroup stands for a group id that is no number or too large a one, so
	// that 224 comes from where all group errors do, behind 201 and 205.
	noSuchGroup = 1 << 30
	// noGroup: the client named none.
	noGroup = -1
)

// editable reads a list that a client may change: all but RL.
func editable(name string) (wire.List, bool) {
	l, ok := wire.ParseList(name)
	return l, ok && l != wire.Reverse
}

// group reads the optional last parameter of ADD and REM. It counts for FL in
// dialects with groups; others, and banana with its group on AL, send it for
// nothing (msnp.md 9.1).
func (s *session) group(l wire.List, args []string) int {
	if l != wire.Forward || !s.traits.groups || len(args) == 0 {
		return noGroup
	}
	return groupID(args[0])
}

func echoGroup(g int) string {
	if g < 0 {
		return ""
	}
	return strconv.Itoa(g)
}

// add answers ADD (msnp.md 9.1).
func (s *session) add(ctx context.Context, cmd wire.Command) error {
	trid := cmd.Args[0]
	l, ok := editable(cmd.Args[1])
	if !ok {
		return server.Quit("ADD to a list that is not the client's")
	}
	nick, groups := cmd.Args[2], []string(nil)
	if len(cmd.Args) > 3 {
		nick, groups = cmd.Args[3], cmd.Args[4:]
	}
	if len(nick) > maxName && len(cmd.Args) > 3 {
		return server.Quit("nick too long")
	}
	address, ok := server.ParseAddress(cmd.Args[2])
	if !ok {
		return wire.Refuse(wire.ErrInvalidParameter)
	}
	if len(cmd.Args) <= 3 {
		nick = address
	} else {
		nick = wire.Unescape(nick)
	}
	return s.acct.Add(ctx, l, address, strings.Clone(nick), s.group(l, groups), func(c server.Change) {
		b := line(nil, "ADD", trid, l.String(), version(c.Version), c.Address, c.Shown(), echoGroup(c.Group))
		if c.Online != nil {
			b = s.appendILN(b, trid, *c.Online)
		}
		s.c.ReplyBytes(b)
	})
}

// rem answers REM (msnp.md 9.2). What is no address is on no list.
func (s *session) rem(ctx context.Context, cmd wire.Command) error {
	trid := cmd.Args[0]
	l, ok := editable(cmd.Args[1])
	if !ok {
		return server.Quit("REM from a list that is not the client's")
	}
	address, ok := server.ParseAddress(cmd.Args[2])
	if !ok {
		return wire.Refuse(wire.ErrNotOnList)
	}
	return s.acct.Remove(ctx, l, address, s.group(l, cmd.Args[3:]), func(c server.Change) {
		s.c.ReplyBytes(line(nil, "REM", trid, l.String(), version(c.Version), c.Address, echoGroup(c.Group)))
	})
}

// rea answers REA. Renames of contacts come in bursts from PC clients and are
// not limited; the own name is (msnp.md 9.3).
func (s *session) rea(ctx context.Context, cmd wire.Command) error {
	if len(cmd.Args) < 3 || len(cmd.Args[2]) > maxName {
		return wire.Refuse(wire.ErrNameForbidden)
	}
	name := strings.Clone(wire.Unescape(cmd.Args[2]))
	if strings.TrimSpace(name) == "" {
		return wire.Refuse(wire.ErrNameForbidden)
	}
	address, ok := server.ParseAddress(cmd.Args[1])
	if !ok {
		return wire.Refuse(wire.ErrNotOnList)
	}
	if address == s.acct.Self().Address && !s.renames.Try(s.c.Options().Now()) {
		return wire.Refuse(wire.ErrTooOften)
	}
	trid := cmd.Args[0]
	return s.acct.Rename(ctx, address, name, func(c server.Change) {
		s.c.Reply("REA", trid, version(c.Version), c.Address, c.Shown())
	})
}

// blp answers BLP: who is not on any list may see me, or may not.
func (s *session) blp(ctx context.Context, cmd wire.Command) error {
	return s.mode(ctx, cmd, "AL", "BL", s.acct.SetPrivacy)
}

// gtc answers GTC, which the client alone acts on.
func (s *session) gtc(ctx context.Context, cmd wire.Command) error {
	return s.mode(ctx, cmd, "A", "N", s.acct.SetPrompt)
}

func (s *session) mode(ctx context.Context, cmd wire.Command, a, b string,
	set func(context.Context, string, func(uint32)) error) error {
	mode := a
	switch cmd.Args[1] {
	case a:
	case b:
		mode = b
	default:
		return server.Quit("unknown mode of " + cmd.Verb)
	}
	return set(ctx, mode, func(v uint32) { s.c.Reply(cmd.Verb, cmd.Args[0], version(v), mode) })
}
