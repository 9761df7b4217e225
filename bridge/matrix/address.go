package matrix

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// address.go: @bob:matrix.org is bob@matrix.org, and alice@webtv.local's ghost
// is @webtv_alice:example.org; both ways without loss. Rooms: address_room.go.

// Remote reads the address of a Matrix user or room. Our own ghosts and bot are
// refused.
func (n *Network) Remote(a id.Address) (id.Remote, error) {
	if local, ok := strings.CutPrefix(a.Local(), roomMark); ok {
		return n.remoteRoom(a, local)
	}
	local, err := id.UnescapeLocal(a.Local())
	if err != nil {
		return "", err
	}
	user := mid.NewUserID(local, a.Domain())
	switch {
	case !validLocal(local) || !mid.ValidateServerName(a.Domain()):
		return "", fmt.Errorf("%s cannot be a Matrix user", a)
	case len(user) > mid.UserIDMaxLength:
		return "", fmt.Errorf("%s is too long for a Matrix user", a)
	case n.own(user):
		return "", fmt.Errorf("%s is this gateway itself; use the address of the account instead", a)
	}
	return id.Remote(user), nil
}

// Address is how a Matrix user or room stands on a contact list.
func (n *Network) Address(r id.Remote) (id.Address, error) {
	if isRoom(r) {
		return n.addressOfRoom(r)
	}
	local, domain, err := mid.UserID(r).Parse()
	if err != nil || !validLocal(local) {
		return "", fmt.Errorf("matrix: %q is no user id", r)
	}
	if strings.ToLower(domain) != domain {
		return "", fmt.Errorf("matrix: %q has a server name in upper case and so no address", r)
	}
	a, err := id.ParseAddress(id.EscapeLocal(local) + "@" + domain)
	if err != nil {
		return "", fmt.Errorf("matrix: address of %q: %w", r, err)
	}
	return a, nil
}

// validLocal takes what a user name may hold, including what only old servers
// made.
func validLocal(local string) bool {
	if local == "" || !utf8.ValidString(local) {
		return false
	}
	return !strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r == ':' || r == 0x7f })
}

// errGhostName is an account whose ghost's user id would be too long.
var errGhostName = errors.New("the account's address is too long for a Matrix user")

// ghostID is the user id of an account's ghost.
func (n *Network) ghostID(a id.Account) (mid.UserID, error) {
	user := mid.NewUserID(n.o.GhostPrefix+encodeGhost(a.Local()), n.o.Domain)
	if len(user) > mid.UserIDMaxLength {
		return "", errGhostName
	}
	return user, nil
}

// ghostLocal is the local part of the account that a user id is the ghost of.
func (n *Network) ghostLocal(user mid.UserID) (string, bool) {
	local, domain, err := user.Parse()
	if err != nil || domain != n.o.Domain {
		return "", false
	}
	name, ok := strings.CutPrefix(local, n.o.GhostPrefix)
	if !ok {
		return "", false
	}
	return decodeGhost(name)
}

// isGhost tells whether a user id is in our namespace, which is everything that
// the registration reserves.
func (n *Network) isGhost(user mid.UserID) bool {
	local, domain, err := user.Parse()
	return err == nil && domain == n.o.Domain && strings.HasPrefix(local, n.o.GhostPrefix)
}

// own tells whether a user id is a ghost of ours or the bot.
func (n *Network) own(user mid.UserID) bool {
	return n.isGhost(user) || user == n.bot()
}

// ghostPlain tells which bytes of a local part may stand in a Matrix user name
// as they are. The = begins an escape; / would need escaping in every URL.
func ghostPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("._-+", c) >= 0
}

const hexDigits = "0123456789abcdef"

// encodeGhost writes any other byte as =XX.
func encodeGhost(local string) string {
	var b strings.Builder
	for i := 0; i < len(local); i++ {
		if c := local[i]; ghostPlain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('=')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// decodeGhost undoes encodeGhost; false for what encodeGhost never makes.
func decodeGhost(name string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '=' {
			b.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", false
		}
		hi, lo := strings.IndexByte(hexDigits, name[i+1]), strings.IndexByte(hexDigits, name[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	local := b.String()
	return local, local != "" && encodeGhost(local) == name
}
