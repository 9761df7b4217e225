package matrix

// SetInvites changes who may invite, as InviteAllow and InviteDeny say it. What
// was decided before stays.
func (n *Network) SetInvites(allow, deny []string) {
	a, d := patterns(allow), patterns(deny)
	n.rules.Lock()
	defer n.rules.Unlock()
	n.allow, n.deny = a, d
}
