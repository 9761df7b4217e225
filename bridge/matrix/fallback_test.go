package matrix

import (
	"testing"

	"maunium.net/go/mautrix"
	mid "maunium.net/go/mautrix/id"
)

// A fallback key that somebody took is replaced, but not with each answer of a
// homeserver that keeps none.
func TestFallbackKeyIsReplacedSeldom(t *testing.T) {
	w := upSealed(t)
	d, err := w.n.devices.of(t.Context(), alice.Address)
	if err != nil {
		t.Fatal(err)
	}
	d.syncing.Lock()
	defer d.syncing.Unlock()
	offered := func(left ...mid.KeyAlgorithm) int {
		t.Helper()
		before := len(w.hs.find("POST /keys/upload"))
		resp := mautrix.RespSync{FallbackKeys: left}
		resp.DeviceOTKCount.SignedCurve25519 = 51
		if err := d.take(t.Context(), &resp, d.row.since); err != nil {
			t.Fatal(err)
		}
		return len(w.hs.find("POST /keys/upload")) - before
	}
	none := []mid.KeyAlgorithm{} // which is not nothing
	for i, c := range []struct {
		left []mid.KeyAlgorithm
		want int
	}{{nil, 0}, {[]mid.KeyAlgorithm{mid.KeyAlgorithmSignedCurve25519}, 0}, {none, 1}, {none, 0}, {none, 0}} {
		if got := offered(c.left...); got != c.want {
			t.Errorf("%d: %d keys offered, want %d", i, got, c.want)
		}
	}
	d.offered = d.offered.Add(-offerEvery)
	if got := offered(none...); got != 1 {
		t.Errorf("an hour later %d", got)
	}
}
