package ns

import (
	"context"
	"strconv"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// syn sends the lists, in one piece that nothing comes between: clients take
// what arrives while they are "in sync" for part of it (msnp.md 7.3).
func (s *session) syn(ctx context.Context, cmd wire.Command) error {
	known := uint32(0) // a bare SYN and a number out of range: the client has nothing
	if len(cmd.Args) > 1 {
		if n, err := strconv.ParseUint(cmd.Args[1], 10, 32); err == nil {
			known = uint32(n)
		}
	}
	trid := cmd.Args[0]
	return s.acct.Sync(ctx, known, func(r server.Roster) {
		var b []byte
		switch {
		case r.Same:
			b = wire.AppendLine(b, "SYN", trid, version(r.Version))
		case s.traits.bits:
			b = s.rosterBits(trid, r)
		default:
			b = s.rosterLists(trid, r)
		}
		s.c.ReplyBytes(b)
		s.note.inSync()
	})
}

// rosterLists is SYN's answer up to MSNP7: every line with TrID and version,
// one LST for each entry of each list.
func (s *session) rosterLists(trid string, r server.Roster) []byte {
	v := version(r.Version)
	b := make([]byte, 0, 64*(len(r.Contacts)+8))
	b = wire.AppendLine(b, "SYN", trid, v)
	b = wire.AppendLine(b, "GTC", trid, v, r.Prompt)
	b = wire.AppendLine(b, "BLP", trid, v, r.Privacy)
	if s.traits.emptyPRP {
		for _, k := range phoneKinds {
			b = line(b, "PRP", trid, v, string(k), shownPhone(k, r.Phones))
		}
	}
	if s.traits.groups {
		b = appendGroups(b, trid, r)
	}
	wire.EachList(func(l wire.List) { b = s.appendList(b, trid, v, l, r.Contacts, s.traits.phones) })
	return b
}

// appendGroups appends the groups as MSNP7 has them.
func appendGroups(b []byte, trid string, r server.Roster) []byte {
	for i, g := range r.Groups {
		b = wire.AppendLine(b, "LSG", trid, version(r.Version), strconv.Itoa(i+1), strconv.Itoa(len(r.Groups)),
			strconv.Itoa(g.ID), wire.Escape(g.Name), "0")
	}
	return b
}

// appendList appends one list. An empty one still gets a line: clients count
// lists and wait for all four (msnp.md 7.3). With phones the settings of each
// contact of FL follow its line.
func (s *session) appendList(b []byte, trid, v string, l wire.List, contacts []server.Contact, phones bool) []byte {
	total := 0
	for _, c := range contacts {
		if c.Lists.Has(l) {
			total++
		}
	}
	if total == 0 {
		return wire.AppendLine(b, "LST", trid, l.String(), v, "0", "0")
	}
	of, i := strconv.Itoa(total), 0
	for _, c := range contacts {
		if !c.Lists.Has(l) {
			continue
		}
		i++
		groups := ""
		if s.traits.groups && l == wire.Forward {
			groups = groupList(c.Groups)
		}
		b = line(b, "LST", trid, l.String(), v, strconv.Itoa(i), of, c.Address, c.Shown(), groups)
		if phones && l == wire.Forward {
			for _, p := range c.Phones {
				b = wire.AppendLine(b, "BPR", v, c.Address, string(p.Kind), wire.Escape(p.Value))
			}
		}
	}
	return b
}

// lst answers LST, one list as it stands in SYN, up to MSNP7: aMSN asks for it
// after each REM (msnp.md 7.4).
func (s *session) lst(ctx context.Context, cmd wire.Command) error {
	l, ok := wire.ParseList(cmd.Args[1])
	if !ok {
		return server.Quit("LST of an unknown list")
	}
	return s.acct.Sync(ctx, 0, func(r server.Roster) {
		s.c.ReplyBytes(s.appendList(nil, cmd.Args[0], version(r.Version), l, r.Contacts, false))
	})
}

// lsg answers LSG, the groups as they stand in SYN of MSNP7 (msnp.md 7.4).
func (s *session) lsg(ctx context.Context, cmd wire.Command) error {
	return s.acct.Sync(ctx, 0, func(r server.Roster) { s.c.ReplyBytes(appendGroups(nil, cmd.Args[0], r)) })
}

// rosterBits is SYN's answer in MSNP8: exact counts first, then one LST with
// the bit sum for each contact, behind the groups.
func (s *session) rosterBits(trid string, r server.Roster) []byte {
	n := 0
	for _, c := range r.Contacts {
		if c.Lists != 0 {
			n++
		}
	}
	b := make([]byte, 0, 64*(len(r.Contacts)+4))
	b = wire.AppendLine(b, "SYN", trid, version(r.Version), strconv.Itoa(n), strconv.Itoa(len(r.Groups)))
	b = wire.AppendLine(b, "GTC", r.Prompt)
	b = wire.AppendLine(b, "BLP", r.Privacy)
	for _, p := range r.Phones {
		b = wire.AppendLine(b, "PRP", string(p.Kind), wire.Escape(p.Value))
	}
	for _, g := range r.Groups {
		b = wire.AppendLine(b, "LSG", strconv.Itoa(g.ID), wire.Escape(g.Name), "0")
	}
	for _, c := range r.Contacts {
		if c.Lists == 0 {
			continue
		}
		if !c.Lists.Has(wire.Forward) {
			b = wire.AppendLine(b, "LST", c.Address, c.Shown(), strconv.Itoa(int(c.Lists)))
			continue
		}
		b = wire.AppendLine(b, "LST", c.Address, c.Shown(), strconv.Itoa(int(c.Lists)), groupList(c.Groups))
		for _, p := range c.Phones {
			b = wire.AppendLine(b, "BPR", string(p.Kind), wire.Escape(p.Value))
		}
	}
	return b
}

// groupList is the last field of an FL entry; nobody on FL is in no group.
func groupList(ids []int) string {
	if len(ids) == 0 {
		return "0"
	}
	b := strconv.AppendInt(nil, int64(ids[0]), 10)
	for _, id := range ids[1:] {
		b = strconv.AppendInt(append(b, ','), int64(id), 10)
	}
	return string(b)
}
