package bridge

import (
	"context"
	"errors"
	"io"

	"wtvgate/bridge/id"
)

// Media is an open file of a network. It has to be read to its end and closed; an
// error of Close means that what was read is not what the friend sent.
type Media struct {
	io.ReadCloser
	Type string // what the network says it is, not to be relied on
	Size int64  // in bytes; -1 if the network does not say
}

// Fetcher is a network that keeps files for its friends. OpenMedia begins to
// fetch one by the reference that the network put into an attachment (text
// Attachment.Ref), with the network's own credentials. It must not be led to
// addresses of the gateway's own neighbourhood. ErrNoMedia: it is gone.
type Fetcher interface {
	OpenMedia(ctx context.Context, ref string) (Media, error)
}

// ErrNoMedia: the network has no such file, or no longer.
var ErrNoMedia = errors.New("the file is not there")

// OpenMedia opens a file of a network; see Fetcher.
func (h *Hub) OpenMedia(ctx context.Context, n id.Network, ref string) (Media, error) {
	l := h.link(n)
	if l == nil || l.fetcher == nil {
		return Media{}, ErrNoMedia // the network was switched off
	}
	return l.fetcher.OpenMedia(ctx, ref)
}
