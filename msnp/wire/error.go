package wire

import "strconv"

// Error is a refusal that has a number in the protocol (msnp.md 14). It travels
// up from any depth; the dispatcher writes `code trid` and, when Fatal, closes.
type Error struct {
	Code  int
	Fatal bool  // the server closes after the line
	Cause error // for the log; may be nil
}

// Error codes used by this server (msnp.md 14).
const (
	ErrInvalidParameter = 201
	ErrNoSuchAccount    = 205
	ErrSignedIn         = 207
	ErrBadAddress       = 208
	ErrNameForbidden    = 209
	ErrListFull         = 210
	ErrAlreadyThere     = 215
	ErrNotOnList        = 216
	ErrNotOnline        = 217
	ErrAlreadyInMode    = 218
	ErrOppositeList     = 219
	ErrTooManyGroups    = 223
	ErrNoSuchGroup      = 224
	ErrNotInGroup       = 225
	ErrGroupExists      = 228
	ErrGroupNameLong    = 229
	ErrGroupZero        = 230
	ErrBoardFailed      = 280
	ErrInternal         = 500
	ErrDatabase         = 501
	ErrDisabled         = 502
	ErrChallenge        = 540
	ErrBusy             = 600
	ErrGoingDown        = 604
	ErrTooActive        = 713
	ErrUnexpected       = 715
	ErrMalformedCVR     = 731
	ErrTooOften         = 800
	ErrAuthBusy         = 910
	ErrAuthFailed       = 911
	ErrHidden           = 913
)

// Refuse is an error after which the connection stays open.
func Refuse(code int) *Error { return &Error{Code: code} }

// Fail is an error after which the server closes.
func Fail(code int, cause error) *Error { return &Error{Code: code, Fatal: true, Cause: cause} }

// Error gives the number and the cause.
func (e *Error) Error() string {
	s := "msnp: error " + strconv.Itoa(e.Code)
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }
