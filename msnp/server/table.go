package server

import (
	"context"

	"wtvgate/msnp/wire"
)

// State is one bit of what a connection has reached; the packages that own the
// connections name the bits.
type State uint8

// Pace says which rate limit a command counts against.
type Pace uint8

// Paces of commands. Free commands are those that honest clients send in
// bursts: SYN, and REA for a whole list of contacts (msnp.md 15).
const (
	PaceCommand Pace = iota
	PaceMessage
	PaceFree
)

// Command is one row of a table: what must hold before Run sees the call.
type Command[H any] struct {
	In    State        // states in which it is valid
	Bare  bool         // it has no TrID
	Args  int          // least number of parameters after the TrID
	Exact bool         // not more either
	From  wire.Dialect // first dialect that has it; 0: all
	To    wire.Dialect // last dialect that has it; 0: all
	Pace  Pace
	// Run answers a valid call.
	Run func(h H, ctx context.Context, cmd wire.Command) error
	// Else answers in a state outside In; nil closes without a word.
	Else func(st State) error
}

// Table holds the commands of a server. Where bad input has an answer the table
// gives it (msnp.md 2.2, 3, 14), so that handlers see valid calls only.
type Table[H any] struct {
	// Early are the states before sign-in: whatever is odd closes there.
	Early    State
	Commands map[string]Command[H]
}

// Do runs cmd for h, which is in state st and speaks d.
func (t Table[H]) Do(ctx context.Context, c *Conn, h H, st State, d wire.Dialect, cmd wire.Command) error {
	row, known := t.Commands[cmd.Verb]
	if known && st&row.In == 0 && row.Else == nil {
		return Quit("command in the wrong state")
	}
	if !known || row.From > d || row.To != 0 && row.To < d {
		if st&t.Early != 0 {
			return Quit("unknown command before sign-in")
		}
		return c.unknown(cmd)
	}
	args := len(cmd.Args)
	if !row.Bare {
		if _, ok := cmd.TrID(); !ok {
			return Quit("no transaction number")
		}
		args--
	}
	switch {
	case st&row.In == 0:
		return row.Else(st)
	case args < row.Args:
		return Quit("parameter missing")
	case row.Exact && args > row.Args:
		return Quit("too many parameters")
	}
	if row.Pace != PaceFree {
		c.pace(row.Pace)
	}
	return row.Run(h, ctx, cmd)
}

// unknown answers what no table has: 502 keeps the connection, because the
// firmware of a box cannot be changed and not all it sends is known (msnp.md 3).
func (c *Conn) unknown(cmd wire.Command) error {
	c.pace(PaceCommand)
	c.srv.countUnknown(cmd.Verb)
	c.Log().Info("unknown command", "verb", cmd.Verb, "params", len(cmd.Args))
	if _, ok := cmd.TrID(); !ok {
		return nil
	}
	return wire.Refuse(wire.ErrDisabled)
}
