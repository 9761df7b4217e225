package puppets

import (
	"strings"

	"wtvgate/bridge/id"
)

// Directory tells to which network an address belongs. It is fixed at start and
// safe from any goroutine.
type Directory struct {
	accounts string // the accounts' domain
	entries  []entry
	reserved map[id.Address]id.Network // single addresses, whatever their domain
}

type entry struct {
	network id.Network
	serves  func(domain string) bool
}

// NewDirectory makes a directory of our own accounts alone.
func NewDirectory(accountsDomain string) *Directory {
	return &Directory{accounts: strings.ToLower(accountsDomain)}
}

// Add puts a network behind those already there: the first that serves a domain
// has it. The one that serves any domain (Matrix) goes last.
func (d *Directory) Add(n id.Network, serves func(domain string) bool) {
	d.entries = append(d.entries, entry{n, serves})
}

// Reserve gives one address to a network, also one among the accounts'.
func (d *Directory) Reserve(a id.Address, n id.Network) {
	if d.reserved == nil {
		d.reserved = make(map[id.Address]id.Network)
	}
	d.reserved[a] = n
}

// AccountsDomain is the part after @ of our own accounts.
func (d *Directory) AccountsDomain() string { return d.accounts }

// Network says whose address a is; false if nobody serves its domain.
func (d *Directory) Network(a id.Address) (id.Network, bool) {
	if n, ok := d.reserved[a]; ok {
		return n, true
	}
	domain := a.Domain()
	if domain == d.accounts {
		return id.Local, true
	}
	for _, e := range d.entries {
		if e.serves(domain) {
			return e.network, true
		}
	}
	return "", false
}
