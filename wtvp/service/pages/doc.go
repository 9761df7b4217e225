// Package pages is the Messenger service on the TV: pages on which a box's user sees and changes settings and friends, as a
// WTVP service of its own that any WebTV server can list and link to.
//
// Every page goes through one renderer (render.go), which escapes what it shows, writes it in the letters that a box has, and
// refuses to send more than a box should be sent. What changes something is a form that was sent by POST with the token of
// this sign-on.
//
// Where the box's own Messenger is running, changes are made by its script object Blim, so that its view of the lists stays
// right; the service checks first and looks at the outcome. Without Blim the service makes the change itself.
//
// The package keeps no state but a random secret for tokens, and may be called from many goroutines at once. Section numbers in
// comments are those of the project's WTVP reference.
package pages

import "time"

const (
	// Name is the name of the service in URLs and service lists. The templates have it in their links.
	Name = "wtv-messenger"

	// MaxPage is the largest page sent, in bytes: "under some 10 KB" (section 13).
	MaxPage = 10_000
	// MaxAddresses is the largest address list sent, in bytes. A full list of 600 contacts with ordinary names has about 30 KB.
	MaxAddresses = 32 << 10
	// MaxForm is the largest form taken, in bytes: the longest has two texts of 129 characters, three bytes each when escaped.
	MaxForm = 4 << 10
	// MaxInput is the longest text taken from a field, in bytes: an address has at most 129 characters (msnp.md section 15),
	// and so has a name; a name in UTF-8 may have more bytes.
	MaxInput = 400
	// PerPage is how many contacts a page shows: what fits the screen of 560 x 420 with little scrolling.
	PerPage = 8
	// MaxWord is the longest word in what somebody else wrote, in characters, that a page shows without a place to break:
	// 20 of the widest letters at the large size of a TV's font are narrower than the screen.
	MaxWord = 20
	// MaxAddressLine is the same for addresses, which are shown smaller and are mostly small letters.
	MaxAddressLine = 30

	// backendTimeout bounds what a page waits for: nothing that a page shows needs a network.
	backendTimeout = 20 * time.Second
	// noCache is the customary date that keeps an answer out of the box's cache (section 2.2).
	noCache = "Wed, 09 Oct 1991 22:00:00 GMT"
	// sameAgain drops this service's pages from the box's cache after a change (section 9.3).
	sameAgain = Name + ":/"
)
