package doctor

import (
	"context"

	"wtvgate/bridge/config"
)

// BoxKey looks at the key that boxes prove themselves with.
type BoxKey struct{ WTVP config.WTVP }

// Run implements Check.
func (b BoxKey) Run(context.Context) []Finding {
	const key = "wtvp.initial_shared_key"
	const make = "set it to the initial_shared_key of your WebTV server; `head -c8 /dev/urandom | base64` makes a new one for both"
	w := b.WTVP
	switch {
	case w.Mode == config.WTVPOff:
		return []Finding{good("wtvp.mode", "off: boxes cannot prove themselves, PC clients with a password sign in")}
	case len(w.InitialSharedKey) == 0 && w.Mode == config.Standalone:
		return []Finding{good(key, "empty: the gateway makes its own")}
	case len(w.InitialSharedKey) == 0:
		return []Finding{fail(key, make+"; or wtvp.mode: off if no box is to sign in", "is empty: no box can sign in")}
	case len(w.InitialSharedKey) != keySize:
		return []Finding{fail(key, make, "has %d bytes instead of %d", len(w.InitialSharedKey), keySize)}
	case config.Published(w.InitialSharedKey):
		return []Finding{warn(key, make+", and set wtvp.allow_public_key: false", "is published in a WebTV server's source: anyone can sign in as any box")}
	}
	return []Finding{good(key, "is a key of %d bytes, and no published one", keySize)}
}

// keySize is the size of a WebTV server's initial key (wtvp.md 7.1).
const keySize = 8
