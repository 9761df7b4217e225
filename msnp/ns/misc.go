package ns

import (
	"context"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// png answers PNG with a bare QNG: the number came with MSNP9 (msnp.md 11.2).
func (s *session) png(context.Context, wire.Command) error {
	s.c.Reply("QNG")
	return nil
}

// out is the client's goodbye.
func (s *session) out(context.Context, wire.Command) error { return server.ErrOut }

// ims answers IMS, which only WebTV boxes have; the 0 is constant and its
// meaning unknown (msnp.md 11.3).
func (s *session) ims(ctx context.Context, cmd wire.Command) error {
	mode := cmd.Args[1]
	if mode != "ON" && mode != "OFF" {
		return wire.Refuse(wire.ErrUnexpected)
	}
	return s.acct.SetInvitations(ctx, mode == "ON", func() { s.c.Reply("IMS", cmd.Args[0], "0", mode) })
}

// xfr hands out a cookie for a new switchboard (msnp.md 4.7).
func (s *session) xfr(ctx context.Context, cmd wire.Command) error {
	if cmd.Args[1] != "SB" {
		return wire.Refuse(wire.ErrInvalidParameter)
	}
	if s.state != stPresent {
		return wire.Refuse(wire.ErrHidden)
	}
	if err := s.acct.OpenBoard(ctx); err != nil {
		return err
	}
	boards := s.c.Options().Boards
	if boards == nil {
		return wire.Refuse(wire.ErrBoardFailed)
	}
	cookie, err := boards.Open(s.principal())
	if err != nil {
		return err
	}
	s.c.Reply("XFR", cmd.Args[0], "SB", s.c.Host(), "CKI", cookie)
	return nil
}
