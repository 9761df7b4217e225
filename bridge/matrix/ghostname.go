package matrix

import (
	"fmt"
	"strings"
	"unicode"

	"wtvgate/bridge"
)

// ghostname.go: what a ghost is called.

// maxGhostName is the longest display name in characters (matrix.md 10).
const maxGhostName = 64

// render is the display name of an account's ghost: the template's text without
// line breaks and invisible characters, cut to maxGhostName. When nothing is
// left it is the address.
func (n *Network) render(a bridge.Account) (string, error) {
	var b strings.Builder
	err := n.name.Execute(&b, struct{ Name, Address, Local string }{a.Name, string(a.Address), a.Address.Local()})
	if err != nil {
		return "", fmt.Errorf("matrix.ghost_name: %w", err)
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, b.String())
	name = strings.Join(strings.Fields(name), " ")
	if r := []rune(name); len(r) > maxGhostName {
		name = strings.TrimSpace(string(r[:maxGhostName]))
	}
	if name == "" {
		name = string(a.Address)
	}
	return name, nil
}
