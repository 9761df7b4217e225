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
func (s *session) out(context.Context, wire.Command) error {
	s.left = true
	return server.ErrOut
}

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

// url answers URL, where a service of the old site would be, with a constant:
// there is none (msnp.md 11.4). The third value came with MSNP3.
func (s *session) url(_ context.Context, cmd wire.Command) error {
	if s.dialect < wire.MSNP3 {
		s.c.Reply("URL", cmd.Args[0], "/", s.infoURL())
	} else {
		s.c.Reply("URL", cmd.Args[0], "/", s.infoURL(), "2")
	}
	return nil
}

// snd answers SND and SDC, which had the service invite somebody by mail. That
// service is gone; a client that hears no would show an error (msnp.md 11.4).
func (s *session) snd(_ context.Context, cmd wire.Command) error {
	s.c.Reply(cmd.Verb, cmd.Args[0], "OK")
	return nil
}

// fnd answers FND, the search of the members' directory, as the live service did
// from July 2003 on (msnp.md 11.4).
func (s *session) fnd(context.Context, wire.Command) error {
	return wire.Refuse(wire.ErrDisabled)
}
