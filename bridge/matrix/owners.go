package matrix

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// owners.go: owners of boxes who have a Matrix account themselves. Who gives the
// gateway an access token of it speaks in rooms for several as themselves, from the
// box as from any other client, where they are members and the room is unencrypted;
// what the box was shown counts as read there too. In encrypted rooms and direct
// chats it is the ghost that speaks: the token has no keys, and friends write to the
// ghost.

// maxOwnerToken bounds a token's file in bytes: real ones have some hundred.
const maxOwnerToken = 4096

// owners remembers whose tokens those in the files are. The mutex guards the map.
type owners struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]mid.UserID // by a digest of the token
}

func newOwners() *owners { return &owners{known: make(map[[sha256.Size]byte]mid.UserID)} }

// ownerToken reads an account's file; "" for none.
func (n *Network) ownerToken(a id.Account) (string, error) {
	if n.o.Owners == "" || strings.ContainsAny(string(a), `/\`) {
		return "", nil
	}
	f, err := os.Open(filepath.Join(n.o.Owners, string(a)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("matrix.owners: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxOwnerToken+1))
	token := string(bytes.TrimSpace(data))
	if err != nil {
		return "", fmt.Errorf("matrix.owners: %w", err)
	}
	if len(data) > maxOwnerToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("matrix.owners: the file of %s is no access token", a)
	}
	return token, nil
}

// owner acts as an account's owner; nil where there is none, or the homeserver does
// not know the token any more. An error means that it cannot be told now: whoever
// falls back to the ghost then might say a thing twice.
func (n *Network) owner(ctx context.Context, a id.Account) (*mautrix.Client, error) {
	token, err := n.ownerToken(a)
	if err != nil {
		n.log.Warn("an owner's token cannot be used", "account", a, "err", err)
		return nil, nil
	}
	if token == "" {
		return nil, nil
	}
	c, err := mautrix.NewClient(n.o.HomeserverURL, "", token)
	if err != nil {
		return nil, fmt.Errorf("matrix.homeserver.url: %w", err)
	}
	c.Client, c.DefaultHTTPRetries, c.ResponseSizeLimit = n.client, 0, maxResponse
	digest := sha256.Sum256([]byte(token))
	n.owners.mu.Lock()
	c.UserID = n.owners.known[digest]
	n.owners.mu.Unlock()
	if c.UserID != "" {
		return c, nil
	}
	me, err := c.Whoami(ctx)
	if errors.Is(err, mautrix.MUnknownToken) {
		n.log.Warn("the homeserver does not know an owner's token any more", "account", a)
		return nil, nil
	} else if err != nil {
		return nil, n.judge(err, textRefused)
	}
	if n.own(me.UserID) {
		n.log.Warn("an owner's token is one of the gateway's own users", "account", a)
		return nil, nil
	}
	c.UserID = me.UserID
	n.owners.mu.Lock()
	n.owners.known[digest] = me.UserID
	n.owners.mu.Unlock()
	return c, nil
}

// speaker is who writes for an account in a room: the owner, where that can be; nil
// for the ghost.
func (n *Network) speaker(ctx context.Context, r room) (*mautrix.Client, error) {
	if r.people == nil || r.encrypted {
		return nil, nil
	}
	c, err := n.owner(ctx, r.account)
	if err != nil || c == nil || r.people[c.UserID] == "" {
		return nil, err
	}
	return c, nil
}

// readAsOwner moves the owner's own mark, so that other clients show the room as
// read. It is not worth a second try.
func (n *Network) readAsOwner(ctx context.Context, m bridge.Outbound, rid mid.RoomID, ev mid.EventID) {
	if !isRoom(m.To) {
		return
	}
	c, err := n.owner(ctx, m.From.Address)
	if err == nil && c != nil {
		err = c.SendReceipt(ctx, rid, ev, event.ReceiptTypeRead, nil)
	}
	if err != nil {
		n.log.Debug("not marked read as the owner", "account", m.From.Address, "room", rid, "err", err)
	}
}

// spokenBy tells whether an event is what an account's box wrote: by its ghost, or
// by its owner with our mark, which nobody else can set in their name.
func (n *Network) spokenBy(ctx context.Context, a id.Account, evt *event.Event) (bool, error) {
	if n.isGhost(evt.Sender) {
		ghost, err := n.ghostID(a)
		return err == nil && ghost == evt.Sender, nil
	}
	if msg, _ := evt.Content.Raw[keyMessage].(string); msg == "" {
		return false, nil
	}
	c, err := n.owner(ctx, a)
	if err != nil {
		return false, effectOf(err)
	}
	return c != nil && c.UserID == evt.Sender, nil
}
