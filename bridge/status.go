package bridge

import (
	"errors"
	"time"
)

// SendError is a network's verdict on a message it could not deliver. It
// decides what happens next and what the person who waits is told.
type SendError struct {
	// Permanent: trying again cannot help. Else the item stays at the head of
	// its conversation and is tried again with backoff.
	Permanent bool
	// Certain: it did not arrive. Without it the next try has Retry set.
	Certain bool
	// Hold: it waits for the friend's own decision (a consent that is asked for). It
	// is neither late nor given up until holdFor has passed; the network tells the
	// writer what it waits for.
	Hold bool
	// After is the least time until the next try, when the network named one
	// (429 with retry_after).
	After time.Duration
	// Text is for the person who wrote the message, one short sentence.
	Text string
	// Err is the cause, for the log.
	Err error
}

// Error gives the text and the cause.
func (e *SendError) Error() string {
	if e.Err == nil {
		return e.Text
	}
	if e.Text == "" {
		return e.Err.Error()
	}
	return e.Text + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *SendError) Unwrap() error { return e.Err }

// Permanent makes the verdict that trying again cannot help.
func Permanent(text string, err error) *SendError {
	return &SendError{Permanent: true, Certain: true, Text: text, Err: err}
}

// verdict reads any error of Network.Send as a SendError.
func verdict(err error) *SendError {
	var se *SendError
	if errors.As(err, &se) {
		return se
	}
	return &SendError{Err: err}
}
