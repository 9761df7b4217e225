package client

import (
	"context"
	"strconv"
	"strings"

	"wtvgate/msnp/wire"
)

// Change is the server's answer to an edit of the lists.
type Change struct {
	Version uint32
	Person      // as stored; no name after Remove
	Group   int // -1: none
}

// Add puts address on FL, AL or BL, with its own address as name when name is
// empty. group is for FL in MSNP7-8, -1 for none. Refusals are *wire.Error: 201,
// 205, 210, 215, 219, 224. The contact's status, if online, comes as Presence.
func (c *Client) Add(ctx context.Context, l wire.List, address, name string, group int) (Change, error) {
	if name == "" {
		name = address
	}
	args := withGroup([]string{l.String(), address, wire.Escape(name)}, group)
	return c.change(ctx, "ADD", addColumns, args...)
}

// Remove takes address off a list, or with group >= 0 out of one group of FL.
// Refusals are *wire.Error: 216, 224, 225.
func (c *Client) Remove(ctx context.Context, l wire.List, address string, group int) (Change, error) {
	return c.change(ctx, "REM", remColumns, withGroup([]string{l.String(), address}, group)...)
}

// Rename changes the stored name of a contact, or of the account itself.
func (c *Client) Rename(ctx context.Context, address, name string) (Change, error) {
	ch, err := c.change(ctx, "REA", reaColumns, address, wire.Escape(name))
	if err == nil && sameAddress(ch.Address, c.Self().Address) {
		c.setSelf(ch.Person)
	}
	return ch, err
}

// SetPrivacy is BLP: "AL" lets strangers in, "BL" only the allow list. The
// answer is the new list version, or 218 when that is the mode already.
func (c *Client) SetPrivacy(ctx context.Context, mode string) (version uint32, err error) {
	ch, err := c.change(ctx, "BLP", modeColumns, mode)
	return ch.Version, err
}

// SetPrompt is GTC: "A" asks about newcomers, "N" lets them in. See SetPrivacy.
func (c *Client) SetPrompt(ctx context.Context, mode string) (version uint32, err error) {
	ch, err := c.change(ctx, "GTC", modeColumns, mode)
	return ch.Version, err
}

func withGroup(args []string, group int) []string {
	if group < 0 {
		return args
	}
	return append(args, strconv.Itoa(group))
}

// columns says where the parts of an echo stand, counted from the TrID; 0: nowhere.
type columns struct{ version, address, name int }

// Layouts of the echoes (msnp.md 9, 7.5).
var (
	addColumns  = columns{version: 2, address: 3, name: 4} // ADD t list version address name {group}
	remColumns  = columns{version: 2, address: 3}          // REM t list version address {group}
	reaColumns  = columns{version: 1, address: 2, name: 3} // REA t version address name
	modeColumns = columns{version: 1}                      // BLP t version mode
)

// change sends an edit and reads its echo.
func (c *Client) change(ctx context.Context, verb string, at columns, args ...string) (Change, error) {
	reply, err := c.link.send(ctx, verb, args...)
	if err != nil {
		return Change{}, err
	}
	last := max(at.version, at.address, at.name)
	if len(reply.Args) <= last || !wire.IsTrID(reply.Args[at.version]) {
		return Change{}, malformed(reply)
	}
	ch := Change{Version: number(reply.Args[at.version]), Group: -1}
	if at.address > 0 {
		ch.Address = strings.ToLower(reply.Args[at.address])
	}
	if at.name > 0 {
		ch.Name = wire.Unescape(reply.Args[at.name])
	}
	if g, err := strconv.Atoi(reply.Arg(last + 1)); err == nil && at.address > 0 {
		ch.Group = g
	}
	return ch, nil
}
