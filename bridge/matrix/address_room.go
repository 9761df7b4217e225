package matrix

import (
	"fmt"
	"strings"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// address_room.go: #retro:matrix.org is #retro@matrix.org. A room without alias is
// known by its id: !Ab:matrix.org is #!=41b@matrix.org. Ids of room version 12 have
// no server; their address has ours, and a second mark.

const (
	roomMark = "#" // begins an alias, and the local part of a room's address
	idMark   = "!" // begins a room's id, and follows roomMark in its address
)

// isRoom tells a room for several people from a person.
func isRoom(r id.Remote) bool {
	return strings.HasPrefix(string(r), roomMark) || strings.HasPrefix(string(r), idMark)
}

// remoteRoom reads the address of a room; local is its local part without mark.
func (n *Network) remoteRoom(a id.Address, local string) (id.Remote, error) {
	name, err := id.UnescapeLocal(local)
	if err != nil {
		return "", err
	}
	rest, byID := strings.CutPrefix(name, idMark)
	hash, noServer := strings.CutPrefix(rest, idMark)
	var r id.Remote
	switch {
	case byID && noServer && a.Domain() == n.o.Domain:
		rest = hash
		r = id.Remote(idMark + hash)
	case byID:
		r = id.Remote(idMark + rest + ":" + a.Domain())
	default:
		rest = name
		r = id.Remote(roomMark + name + ":" + a.Domain())
	}
	if !validLocal(rest) || byID && strings.HasPrefix(rest, idMark) || !mid.ValidateServerName(a.Domain()) {
		return "", fmt.Errorf("%s cannot be a Matrix room: write #room@server", a)
	}
	if len(r) > mid.UserIDMaxLength { // the same limit holds for rooms
		return "", fmt.Errorf("%s is too long for a Matrix room", a)
	}
	return r, nil
}

// addressOfRoom is the inverse of remoteRoom.
func (n *Network) addressOfRoom(r id.Remote) (id.Address, error) {
	local, domain, found := strings.Cut(string(r[1:]), ":")
	mark := roomMark
	if r[:1] == idMark {
		if mark += idMark; !found {
			mark, domain = mark+idMark, n.o.Domain
		}
	}
	if !validLocal(local) || strings.HasPrefix(local, idMark) || !mid.ValidateServerName(domain) {
		return "", fmt.Errorf("matrix: %q is no room", r)
	}
	if strings.ToLower(domain) != domain {
		return "", fmt.Errorf("matrix: %q has a server name in upper case and so no address", r)
	}
	a, err := id.ParseAddress(mark[:1] + id.EscapeLocal(mark[1:]+local) + "@" + domain)
	if err != nil {
		return "", fmt.Errorf("matrix: address of %q: %w", r, err)
	}
	return a, nil
}
