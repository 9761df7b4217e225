package matrix

import "wtvgate/bridge"

// Portrait is the Matrix id of the account's ghost; "" for an account that has
// none. It implements bridge.Portrayer.
func (n *Network) Portrait(a bridge.Account) string {
	ghost, err := n.ghostID(a.Address)
	if err != nil {
		return ""
	}
	return string(ghost)
}
