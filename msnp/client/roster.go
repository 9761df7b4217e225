package client

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"wtvgate/msnp/wire"
)

// Roster is the answer to SYN.
type Roster struct {
	Version  uint32
	Same     bool   // the version asked with is current; nothing else is set
	Privacy  string // BLP: AL or BL
	Prompt   string // GTC: A or N
	Groups   []Group
	Contacts []Contact         // in the order of the lines, each address once
	Phones   map[string]string // own PRP values that are set: PHH, PHW, PHM, MOB, MBE
}

// Group is a contact group (MSNP7-8).
type Group struct {
	ID   int
	Name string
}

// Contact is somebody on one or more lists.
type Contact struct {
	Person
	Lists  wire.Lists
	Groups []int             // on FL, MSNP7-8
	Phones map[string]string // BPR values that are set; in MSNP8 not of the last contact (see Sync)
}

// Find is the contact with that address, in any case of letters.
func (r Roster) Find(address string) (Contact, bool) {
	i := slices.IndexFunc(r.Contacts, func(c Contact) bool { return sameAddress(c.Address, address) })
	if i < 0 {
		return Contact{}, false
	}
	return r.Contacts[i], true
}

// Sync asks for the lists (SYN) with the version that the caller has, 0 for
// none. It reads the layouts of all dialects (msnp.md 7.3). In MSNP8 the counts
// in the first line say when the answer ends, and phone numbers may follow the
// last contact: those come as Other.
func (c *Client) Sync(ctx context.Context, version uint32) (Roster, error) {
	s := &syncing{dialect: c.dialect, asked: version}
	call := &call{verbs: []string{"SYN", "GTC", "BLP", "PRP", "LSG", "LST"}, take: s.take, loose: s.loose}
	if err := c.link.ask(ctx, call, "SYN", strconv.FormatUint(uint64(version), 10)); err != nil {
		return Roster{}, err
	}
	return s.roster, nil
}

// syncing gathers the lines of one answer to SYN.
type syncing struct {
	dialect          wire.Dialect
	asked            uint32
	roster           Roster
	began            bool
	contacts, groups int // MSNP8: how many lines are still to come
}

// loose: MSNP8 leaves the TrID out of all lines but the first, and older
// dialects have none in BPR. Servers of the Escargot family leave it out of PRP
// too (msnp.md 20).
func (s *syncing) loose(verb string) bool {
	switch verb {
	case "BPR", "PRP":
		return s.began
	case "GTC", "BLP", "LSG", "LST":
		return s.began && s.dialect >= wire.MSNP8
	}
	return false
}

// take reads one line; last when the answer is complete.
func (s *syncing) take(cmd wire.Command) (last bool, err error) {
	if cmd.Verb == "SYN" {
		return s.begin(cmd)
	}
	switch cmd.Verb {
	case "GTC":
		return s.setting(cmd, &s.roster.Prompt)
	case "BLP":
		return s.setting(cmd, &s.roster.Privacy)
	case "PRP", "BPR":
		s.phone(cmd)
		return false, nil
	case "LSG":
		return s.group(cmd)
	}
	if s.dialect >= wire.MSNP8 {
		return s.contact(cmd)
	}
	return s.entry(cmd)
}

func (s *syncing) begin(cmd wire.Command) (bool, error) {
	if s.began || len(cmd.Args) < 2 || !wire.IsTrID(cmd.Args[1]) {
		return false, malformed(cmd)
	}
	s.began = true
	s.roster.Version = number(cmd.Args[1])
	if s.dialect < wire.MSNP8 {
		s.roster.Same = s.roster.Version == s.asked
		return s.roster.Same, nil
	}
	if len(cmd.Args) == 2 { // no counts: nothing new
		s.roster.Same = true
		return true, nil
	}
	var err1, err2 error
	s.contacts, err1 = strconv.Atoi(cmd.Arg(2))
	s.groups, err2 = strconv.Atoi(cmd.Arg(3))
	if err1 != nil || err2 != nil || s.contacts < 0 || s.groups < 0 || s.contacts > maxRoster {
		return false, malformed(cmd)
	}
	return s.complete(), nil
}

// complete is for MSNP8. Even empty lists have their settings, GTC and BLP.
func (s *syncing) complete() bool {
	return s.contacts == 0 && s.groups == 0 && s.roster.Prompt != "" && s.roster.Privacy != ""
}

// setting reads GTC and BLP: `t v x`, in MSNP8 `x`.
func (s *syncing) setting(cmd wire.Command, to *string) (bool, error) {
	at := 2
	if s.dialect >= wire.MSNP8 {
		at = 0
	}
	if len(cmd.Args) <= at {
		return false, malformed(cmd)
	}
	*to = cmd.Args[at]
	return s.dialect >= wire.MSNP8 && s.complete(), nil
}

// group reads LSG: `t v i n id name 0`, in MSNP8 `id name 0`.
func (s *syncing) group(cmd wire.Command) (bool, error) {
	args := cmd.Args
	if s.dialect < wire.MSNP8 {
		args = args[min(4, len(args)):]
	}
	if len(args) < 2 {
		return false, malformed(cmd)
	}
	id, err := strconv.Atoi(args[0])
	if err != nil || len(s.roster.Groups) >= maxRoster {
		return false, malformed(cmd)
	}
	s.roster.Groups = append(s.roster.Groups, Group{ID: id, Name: wire.Unescape(args[1])})
	s.groups--
	return s.dialect >= wire.MSNP8 && s.complete(), nil
}

// contact reads MSNP8's `LST address name bits {groups}`.
func (s *syncing) contact(cmd wire.Command) (bool, error) {
	if len(cmd.Args) < 3 {
		return false, malformed(cmd)
	}
	bits, err := strconv.ParseUint(cmd.Args[2], 10, 8)
	if err != nil {
		return false, malformed(cmd)
	}
	if err := s.put(person(cmd.Args[0], cmd.Args[1]), wire.Lists(bits), cmd.Arg(3)); err != nil {
		return false, err
	}
	s.contacts--
	return s.complete(), nil
}

// entry reads `LST t list version index total {address name {groups}}`. The
// last of RL, which may be `0 0`, ends the answer.
func (s *syncing) entry(cmd wire.Command) (bool, error) {
	if len(cmd.Args) < 5 {
		return false, malformed(cmd)
	}
	list, ok := wire.ParseList(cmd.Args[1])
	if !ok {
		return false, malformed(cmd)
	}
	index, total := cmd.Args[3], cmd.Args[4]
	if total != "0" {
		if len(cmd.Args) < 7 {
			return false, malformed(cmd)
		}
		if err := s.put(person(cmd.Args[5], cmd.Args[6]), wire.Lists(list), cmd.Arg(7)); err != nil {
			return false, err
		}
	}
	return list == wire.Reverse && index == total, nil
}

// put adds lists and groups to a contact.
func (s *syncing) put(p Person, lists wire.Lists, groups string) error {
	i := slices.IndexFunc(s.roster.Contacts, func(c Contact) bool { return c.Address == p.Address })
	if i < 0 {
		if len(s.roster.Contacts) >= maxRoster {
			return errors.New("more contacts than any server has")
		}
		i = len(s.roster.Contacts)
		s.roster.Contacts = append(s.roster.Contacts, Contact{Person: p})
	}
	c := &s.roster.Contacts[i]
	c.Lists |= lists
	for _, g := range strings.Split(groups, ",") {
		if id, err := strconv.Atoi(g); err == nil && len(c.Groups) < maxRoster {
			c.Groups = append(c.Groups, id)
		}
	}
	return nil
}

// phone reads PRP and BPR in all their layouts: the value, if any, follows the
// type; an address before the type says whose it is, else it is the account's
// (PRP) or the last contact's (BPR).
func (s *syncing) phone(cmd wire.Command) {
	at := slices.IndexFunc(cmd.Args, func(a string) bool {
		return slices.Contains([]string{"PHH", "PHW", "PHM", "MOB", "MBE"}, a)
	})
	if at < 0 || at+1 >= len(cmd.Args) {
		return
	}
	whose := &s.roster.Phones
	if cmd.Verb == "BPR" {
		n := len(s.roster.Contacts) - 1
		if at > 0 && strings.Contains(cmd.Args[at-1], "@") {
			n = slices.IndexFunc(s.roster.Contacts, func(c Contact) bool { return sameAddress(c.Address, cmd.Args[at-1]) })
		}
		if n < 0 {
			return
		}
		whose = &s.roster.Contacts[n].Phones
	}
	if *whose == nil {
		*whose = map[string]string{}
	}
	(*whose)[cmd.Args[at]] = wire.Unescape(cmd.Args[at+1])
}
