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
// A box acknowledges nothing that it is sent. So two things are counted apart: a
// line that was shown, and shown again because the gateway was killed before it had
// noted the first time; and a line that was inside a telephone line when that was
// cut, as Line sees it, which reads the bytes that the box never got.
//
// # Who locks
//
// Ledger.mu guards every flow. A Box is its own goroutine's; its boards are guarded
// by its mutex. Lines and Tangle lock for themselves.
package chaos
