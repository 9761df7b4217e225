// Package text turns what networks and boxes write into each other's form. Its
// functions are pure: text in, text out, no I/O, no clock.
package text

// Content is one message in the plain model that all directions share.
type Content struct {
	// Body is the text, lines separated by \n, as a person should read it.
	Body string `json:"body"`
}

// Empty tells whether there is nothing to show.
func (c Content) Empty() bool { return c.Body == "" }
