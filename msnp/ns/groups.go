package ns

import (
	"context"
	"strconv"
	"strings"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

const (
	// maxGroupName is the longest group name in escaped bytes (msnp.md 15).
	maxGroupName = 61
	// maxGroupWord is when a group name is no mistake of a person any more, but
	// noise: the connection closes, as it does for a nick (msnp.md 9.3).
	maxGroupWord = maxName
)

// grouper is the session's power over groups; 502 without it.
func (s *session) grouper() (server.Grouper, error) {
	g, ok := s.acct.(server.Grouper)
	if !ok {
		return nil, wire.Refuse(wire.ErrDisabled)
	}
	return g, nil
}

// groupName reads a group's name: 229 when it is too long.
func groupName(word string) (string, error) {
	if len(word) > maxGroupWord {
		return "", server.Quit("group name out of all bounds")
	}
	name := strings.Clone(wire.Unescape(word))
	if len(wire.Escape(name)) > maxGroupName {
		return "", wire.Refuse(wire.ErrGroupNameLong)
	}
	return name, nil
}

// groupID reads a group's number. What is no number is the number of no group.
func groupID(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > noSuchGroup {
		return noSuchGroup
	}
	return n
}

// adg answers ADG, which makes a group (msnp.md 9.3).
func (s *session) adg(ctx context.Context, cmd wire.Command) error {
	g, err := s.grouper()
	if err != nil {
		return err
	}
	name, err := groupName(cmd.Args[1])
	if err != nil {
		return err
	}
	return g.AddGroup(ctx, name, func(c server.GroupChange) {
		s.c.Reply("ADG", cmd.Args[0], version(c.Version), wire.Escape(c.Name), strconv.Itoa(c.ID), "0")
	})
}

// rmg answers RMG, which removes one.
func (s *session) rmg(ctx context.Context, cmd wire.Command) error {
	g, err := s.grouper()
	if err != nil {
		return err
	}
	return g.RemoveGroup(ctx, groupID(cmd.Args[1]), func(c server.GroupChange) {
		s.c.Reply("RMG", cmd.Args[0], version(c.Version), strconv.Itoa(c.ID))
	})
}

// reg answers REG, which renames one.
func (s *session) reg(ctx context.Context, cmd wire.Command) error {
	g, err := s.grouper()
	if err != nil {
		return err
	}
	name, err := groupName(cmd.Args[2])
	if err != nil {
		return err
	}
	return g.RenameGroup(ctx, groupID(cmd.Args[1]), name, func(c server.GroupChange) {
		s.c.Reply("REG", cmd.Args[0], version(c.Version), strconv.Itoa(c.ID), wire.Escape(c.Name), "0")
	})
}
