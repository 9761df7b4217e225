// Package chaos breaks everything around the gateway while people chat, and keeps
// a ledger: what was accepted anywhere must arrive once and in order, or have been
// reported to its author as failed.
//
//	make chaos                                              # 50 boxes, 20 kills, 12 outages
//	cd e2e && go test -tags goolm -count=1 -v ./chaos       # the short form
//
// WTVGATE_CHAOS_BOXES, _KILLS, _OUTAGES and _SEED set the size; a run says its seed.
//
// # What it can know
//
// A box says nothing of what it is sent; only its end of the line acknowledges the
// bytes. So three things are counted apart: a text that was shown, and shown again
// because the gateway was killed before it had noted the first time; one that was
// shown, and shown again because a telephone line was cut with it inside, once for
// each such line and not oftener; and one that was inside a line when that was cut
// and was not shown, as Line sees it, which acknowledges bytes as a box does and
// reads those that the box never got.
//
// # Who locks
//
// Ledger.mu guards every flow. A Box is its own goroutine's; its boards are guarded
// by its mutex. Lines and Tangle lock for themselves.
package chaos
