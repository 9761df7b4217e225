package ns

import (
	"strconv"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// profileKind is how much the profile message tells (msnp.md 6).
type profileKind int

const (
	profileTime    profileKind = iota // LoginTime alone
	profileAccount                    // and the account
	profileClient                     // and ClientIP, ClientPort
)

// traits is one column of the table of differences (msnp.md 18.1).
type traits struct {
	method   server.Method
	inf      bool     // INF is answered
	okTail   []string // what follows the name in USR OK
	profile  profileKind
	phones   bool // PRP and BPR exist
	emptyPRP bool // SYN lists the phone settings, unset ones too
	groups   bool // groups exist, and FL lines of SYN name them
	bits     bool // SYN: counts in the first line, one LST per contact, no TrID and version
	clientID bool // CHG, ILN and NLN end in a capability number
}

// dialects is indexed by wire.Dialect.
var dialects = [...]traits{
	wire.MSNP2: {method: server.MD5, inf: true, profile: profileTime},
	wire.MSNP3: {method: server.MD5, inf: true, profile: profileAccount},
	wire.MSNP4: {method: server.MD5, inf: true, profile: profileAccount},
	wire.MSNP5: {method: server.MD5, inf: true, profile: profileAccount, phones: true, emptyPRP: true},
	wire.MSNP6: {
		method: server.MD5, inf: true, okTail: []string{"1"},
		profile: profileAccount, phones: true, emptyPRP: true,
	},
	wire.MSNP7: {
		method: server.MD5, inf: true, okTail: []string{"1"},
		profile: profileAccount, phones: true, emptyPRP: true, groups: true,
	},
	wire.MSNP8: {
		method: server.TWN, okTail: []string{"1", "0"},
		profile: profileClient, phones: true, groups: true, bits: true, clientID: true,
	},
}

// pick is the highest dialect that is both offered and ours, whatever the order
// of the offer, and whether CVR0 stood in it (msnp.md 4.1).
func pick(offer []string, ours []wire.Dialect) (best wire.Dialect, cvr0, ok bool) {
	for _, name := range offer {
		if name == "CVR0" {
			cvr0 = true
			continue
		}
		d, known := wire.ParseDialect(name)
		if !known || d <= best {
			continue
		}
		for _, o := range ours {
			if o == d {
				best, ok = d, true
				break
			}
		}
	}
	return best, cvr0, ok
}

// version is a list version as a parameter.
func version(v uint32) string { return strconv.FormatUint(uint64(v), 10) }
