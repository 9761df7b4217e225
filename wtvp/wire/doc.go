// Package wire reads and writes WTVP, the request protocol of WebTV boxes, as bytes.
//
// A request is a line with method and URL (no protocol version), header lines, a blank line and for POST and PUT a body of
// Content-length bytes. A response is a status line "NNN text", header lines, a blank line and a body. Requests end their lines
// in CRLF, responses in LF alone; the readers here take either.
//
// The package knows no sockets, no keys and no state beyond the line being read. A Reader belongs to one goroutine. It takes
// bytes one at a time and never reads ahead, so that the caller may change the Source (from plain to deciphered) between any
// two heads and lose nothing.
package wire

// Limits of what is read. Every one ends in an *Error with status 400.
const (
	// MaxLine is the longest line of a head in bytes, line end included. The longest seen is a wtv-ticket of a little over
	// 1000 characters (reference wtvp.md section 2.1); a messengerlogin challenge may have 2 KB (section 10.4).
	MaxLine = 8 << 10
	// MaxHeaders is how many header lines a head may have. A login of a 2.8.2 box sends 19 (section 3), a login answer with
	// a full service list about 70 (recorded sessions).
	MaxHeaders = 160
	// MaxHead is the size of a whole head in bytes. Recorded request heads stay below 1.5 KB, answers below 5 KB.
	MaxHead = 32 << 10
	// MaxBody is the largest body in bytes. Forms of the pages this gateway serves are below 4 KB; a box sends more only
	// to mail and disk services.
	MaxBody = 64 << 10
	// Usual is what heads and bodies of boxes stay below, in bytes, the longest ticket and challenge included. What is larger is
	// read, but a server may bound how many of it there are at a time (Reader.Guard).
	Usual = 8 << 10
	// MaxSurplus is how many bytes that belong to no request are skipped before one. Boxes are known to send more bytes
	// after a POST than its Content-length says.
	MaxSurplus = 4 << 10
	// MaxStatusText is the longest text of a status line written, in bytes: it is an alert on a TV of 560 x 420.
	MaxStatusText = 256
)

// Methods of a request. Boxes use no others (section 2.1).
const (
	MethodGet  = "GET"
	MethodPost = "POST"
	MethodPut  = "PUT"
	// MethodSecureOn is the whole first line of a SECURE ON: it has no URL.
	MethodSecureOn = "SECURE ON"
)

// Error says that what was read is not WTVP, or is more than the limits allow. After it the place where the next request
// begins is unknown: the caller answers with Status and ends the connection. Reason holds nothing of what was read, so it may
// be logged. Any other error of this package's readers comes from the Source, and there is nobody left to answer.
type Error struct {
	Status int
	Reason string
}

// Error gives the reason.
func (e *Error) Error() string { return "wire: " + e.Reason }

func badRequest(reason string) error { return &Error{Status: 400, Reason: reason} }
