package ns

import (
	"context"
	"strings"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// maxClientID bounds the capability number, which is relayed: 64 bits.
const maxClientID = 20

// chg answers CHG; the first one of a session is followed by an ILN for every
// contact that is online (msnp.md 8.2).
func (s *session) chg(ctx context.Context, cmd wire.Command) error {
	st, ok := wire.ParseStatus(cmd.Args[1])
	if !ok {
		return server.Quit("unknown status")
	}
	if st == wire.Offline {
		return wire.Refuse(wire.ErrInvalidParameter)
	}
	trid, id := cmd.Args[0], "0"
	if s.traits.clientID && len(cmd.Args) > 2 && isNumber(cmd.Args[2]) {
		id = strings.Clone(cmd.Args[2])
	}
	return s.acct.SetStatus(ctx, st, id, func(initial []server.Presence) {
		b := make([]byte, 0, 64*(len(initial)+1))
		if s.traits.clientID {
			b = wire.AppendLine(b, "CHG", trid, string(st), id)
		} else {
			b = wire.AppendLine(b, "CHG", trid, string(st))
		}
		for _, p := range initial {
			b = s.appendILN(b, trid, p)
		}
		first := s.state != stPresent
		s.enter(stPresent)
		s.c.ReplyBytes(b)
		if first {
			s.c.Settle()
			s.askProof()
		}
	})
}

func isNumber(w string) bool {
	if w == "" || len(w) > maxClientID {
		return false
	}
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return false
		}
	}
	return true
}

// appendILN appends one line of the initial burst.
func (s *session) appendILN(b []byte, trid string, p server.Presence) []byte {
	if s.traits.clientID {
		return wire.AppendLine(b, "ILN", trid, string(p.Status), p.Address, p.Shown(), capability(p))
	}
	return wire.AppendLine(b, "ILN", trid, string(p.Status), p.Address, p.Shown())
}

// capability is never empty: the column counts are exact (msnp.md 8.3).
func capability(p server.Presence) string {
	if p.ClientID == "" {
		return "0"
	}
	return p.ClientID
}
