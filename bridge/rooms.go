package bridge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// rooms.go: what is different about a contact that is a room. Its people are not
// the account's friends, and there may be many of them.

// maxBacklog is how many lines of a room wait for a box that is off: what one reads
// when the TV comes on (lessons L26). The older ones become a count.
const maxBacklog = 10

// shut tells whether an account blocks the person who spoke in a room: a block
// counts everywhere (lessons L42).
func (r receiver) shut(tx *store.Tx, a id.Account, by id.Remote) (bool, error) {
	if by == "" {
		return false, nil
	}
	peer, err := r.l.Address(by)
	if err != nil {
		return false, nil // nobody without an address is on a list
	}
	c, _, err := tx.Contact(a, peer)
	return c.Lists&listBlock != 0, err
}

// The line that stands for the lines of a room that were left out.
const (
	backlogHead = "("
	backlogTail = " earlier lines were left out.)"
)

// thin makes room for one more line of a room while the box is off: the oldest that
// wait become a count. A box that is on reads them as they come.
func (h *Hub) thin(tx *store.Tx, in *store.Incoming) error {
	if h.Seat(in.Account) != nil {
		return nil
	}
	key := conversationOf(in)
	rows, err := tx.PendingOfKind(key, kindMessage, 2*maxBacklog)
	if err != nil || len(rows) < maxBacklog {
		return err
	}
	slices.Reverse(rows) // they come newest first
	count := 0
	if n, ok := leftOut(unpack(rows[0].Body)); ok {
		count = n
	} else {
		count = 1 // the oldest line becomes the count itself
	}
	for _, old := range rows[1 : len(rows)-maxBacklog+1] {
		if err := tx.DropIncoming(old.ID); err != nil {
			return err
		}
		count++
	}
	body, err := json.Marshal(text.Content{Body: fmt.Sprint(backlogHead, count, backlogTail)})
	if err != nil {
		return fmt.Errorf("bridge: packing a notice: %w", err)
	}
	return tx.ReplaceIncoming(rows[0].ID, body)
}

// leftOut reads the count of such a line.
func leftOut(c text.Content) (count int, ok bool) {
	digits, head := strings.CutPrefix(c.Body, backlogHead)
	digits, tail := strings.CutSuffix(digits, backlogTail)
	count, err := strconv.Atoi(digits)
	return count, head && tail && err == nil && c.Runs == nil
}
