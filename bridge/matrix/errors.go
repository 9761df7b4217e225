package matrix

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"maunium.net/go/mautrix"

	"wtvgate/bridge"
)

// errors.go: what a failed call means for what was to be done (matrix.md 8).

// maxAfter bounds the pause that a homeserver may ask for.
const maxAfter = 5 * time.Minute

// What a person reads on a TV, as part of a sentence such as "Not delivered: ...".
const (
	textUnreachable = "the Matrix server cannot be reached"
	textUnknown     = "the Matrix server does not accept this gateway; its operator has to act"
	textLimited     = "the Matrix server asks to wait a little"
	textRefused     = "the Matrix server refused it"
	textRegister    = "the Matrix server does not let you in; its operator has to act"
	textAddress     = "your address is too long for Matrix"
	textEncrypted   = "this chat is encrypted, which cannot be used from here; ask for a chat without encryption"
	textNoDevices   = "the Matrix server does not let you use encrypted chats; its operator has to act"
	textPlain       = "this chat is not encrypted, which is not allowed here; ask for an encrypted one"
)

// errNotRunning is a call before Run has begun.
var errNotRunning = &bridge.SendError{Certain: true, Text: textUnreachable, Err: errors.New("matrix: not running")}

// judge reads the error of a call. Text is what to tell the person when the
// homeserver refuses for good.
func (n *Network) judge(err error, text string) error {
	if err == nil {
		return nil
	}
	var he mautrix.HTTPError
	if !errors.As(err, &he) || he.Response == nil || he.RespError == nil || he.WrappedError != nil {
		// no answer, or one that does not come from a homeserver (a proxy's page)
		n.look()
		var op *net.OpError
		refused := errors.As(err, &op) && op.Op == "dial" // nobody heard us
		return &bridge.SendError{Certain: refused, Text: textUnreachable, Err: err}
	}
	code := he.Response.StatusCode
	switch {
	case errors.Is(err, mautrix.MUnknownToken), errors.Is(err, mautrix.MMissingToken):
		n.look()
		return &bridge.SendError{Certain: true, Text: textUnknown, Err: err}
	case errors.Is(err, mautrix.MLimitExceeded), code == http.StatusTooManyRequests:
		return &bridge.SendError{Certain: true, After: retryAfter(he), Text: textLimited, Err: err}
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout:
		return bridge.Permanent(text, err)
	default:
		n.look()
		return &bridge.SendError{Text: textUnreachable, Err: err}
	}
}

// retryAfter is the pause that a homeserver asks for, in the body or, as newer
// ones do, in a header.
func retryAfter(he mautrix.HTTPError) time.Duration {
	d := time.Second
	if ms, ok := he.RespError.ExtraData["retry_after_ms"].(float64); ok && ms > 0 {
		d = time.Duration(min(ms, float64(maxAfter.Milliseconds()))) * time.Millisecond
	} else if s, err := strconv.Atoi(he.Response.Header.Get("Retry-After")); err == nil && s > 0 {
		d = time.Duration(min(s, int(maxAfter.Seconds()))) * time.Second
	}
	return min(d, maxAfter)
}

// permanent tells whether trying again cannot help.
func permanent(err error) bool {
	var se *bridge.SendError
	return errors.As(err, &se) && se.Permanent
}

// forbidden tells whether the homeserver says that a user may not do it, which
// mostly means that the user is not in the room.
func forbidden(err error) bool { return errors.Is(err, mautrix.MForbidden) }

// gone tells whether there is nothing to leave any more. Dendrite answers
// M_UNKNOWN to who is out already [run].
func gone(err error) bool {
	var he mautrix.HTTPError
	if !errors.As(err, &he) || he.Response == nil || he.RespError == nil || he.Response.StatusCode >= http.StatusInternalServerError {
		return false
	}
	switch he.RespError.ErrCode {
	case "M_FORBIDDEN", "M_NOT_FOUND", "M_UNRECOGNIZED", "M_UNKNOWN":
		return true
	}
	return false
}
