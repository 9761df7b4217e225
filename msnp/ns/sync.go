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
		for _, p := range phoneTypes {
			b = line(b, "PRP", trid, v, p.name, p.value)
		}
	}
	if s.traits.groups {
		for i, g := range r.Groups {
			b = wire.AppendLine(b, "LSG", trid, v, strconv.Itoa(i+1), strconv.Itoa(len(r.Groups)),
				strconv.Itoa(g.ID), wire.Escape(g.Name), "0")
		}
	}
	wire.EachList(func(l wire.List) { b = s.appendList(b, trid, v, l, r.Contacts) })
	return b
}

// appendList appends one list. An empty one still gets a line: clients count
// lists and wait for all four (msnp.md 7.3).
func (s *session) appendList(b []byte, trid, v string, l wire.List, contacts []server.Contact) []byte {
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
	}
	return b
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
	for _, g := range r.Groups {
		b = wire.AppendLine(b, "LSG", strconv.Itoa(g.ID), wire.Escape(g.Name), "0")
	}
	for _, c := range r.Contacts {
		if c.Lists == 0 {
			continue
		}
		groups := ""
		if c.Lists.Has(wire.Forward) {
			groups = groupList(c.Groups)
		}
		b = line(b, "LST", c.Address, c.Shown(), strconv.Itoa(int(c.Lists)), groups)
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
