package box

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/text"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// rendering.go: a row of the inbox as the signed-in client can show it.

const (
	// maxPiece is the longest text in one message to a client, in bytes: with
	// its head it stays below 1,250, which a client library needs (msnp.md 25.9).
	maxPiece = 1100
	// late is the age from which a message says when it was written.
	late = 2 * time.Minute
	// maxLinked is how many pictures of one message get a link: each is a row.
	maxLinked = 10
	// linkTimeout bounds making them; without its link a message still comes.
	linkTimeout = 2 * time.Second
)

// pieces are the payloads that show a row.
func (a *account) pieces(r bridge.Waiting) [][]byte {
	var c text.Content
	if err := json.Unmarshal(r.Body, &c); err != nil {
		a.g.log.Error("a stored message cannot be read", "account", a.addr, "msg", r.ID, "err", err)
		c = text.Content{Body: "(a message could not be read)"}
	}
	c = a.linked(c, r)
	if now := a.g.now(); !timeless(r) && (r.ID <= a.missed || now.Sub(r.Sent) > late) {
		c = text.Late(c, r.Sent.Local(), now.Local())
	}
	o := a.rendering()
	pieces, lost := text.Render(c, o)
	if lost > 0 {
		a.g.unshown.Add(int64(lost))
		a.g.log.Debug("characters that the client cannot show", "account", a.addr, "msg", r.ID, "count", lost)
	}
	payloads := make([][]byte, len(pieces))
	for i, p := range pieces {
		if o.Client == text.FirstGeneration || a.client.Dialect < wire.MSNP3 {
			payloads[i] = wire.TextMessage(p, false)
		} else {
			payloads[i] = wire.StyledMessage(p, text.Effects(c))
		}
	}
	return payloads
}

// timeless tells whether a row is shown without the time it was written at.
func timeless(r bridge.Waiting) bool {
	return r.Kind == bridge.KindTimeless || r.Kind == bridge.KindGreeting
}

// hides tells whether the account's owner does not want to see a row.
func (a *account) hides(r bridge.Waiting) bool {
	if !a.settings.NoEdits && !a.settings.NoReacts {
		return false
	}
	var c text.Content
	return json.Unmarshal(r.Body, &c) == nil && a.rendering().Hides(c)
}

// linked gives pictures that only we can fetch a link to us.
func (a *account) linked(c text.Content, r bridge.Waiting) text.Content {
	made := 0
	var runs []text.Run
	for i, x := range c.Runs {
		if x.File == nil || x.File.Ref == "" || a.g.links == nil || made >= maxLinked {
			continue
		}
		if runs == nil {
			runs = append(runs, c.Runs...)
		}
		made++
		f := *x.File
		ctx, cancel := context.WithTimeout(a.g.running, linkTimeout)
		link, note, err := a.g.links.Link(ctx, a.addr, r.Network, f, a.client.Local.Addr())
		cancel()
		if err != nil {
			a.failed(a.g.running, "cannot make a link to a picture", err)
			continue
		}
		f.URL, f.Note = link, note
		runs[i].File = &f
	}
	if runs != nil {
		c.Runs = runs
	}
	return c
}

// rendering is how the signed-in client is to be shown text, as far as the
// account's owner lets us choose.
func (a *account) rendering() text.Options {
	o := a.settings.Options()
	o.Client, o.Zone = a.kind(), time.Local
	if o.Limit == 0 || o.Limit > maxPiece {
		o.Limit = maxPiece
	}
	return o
}

// kind is what kind of client is signed in.
func (a *account) kind() text.Client {
	switch {
	case a.plain.Load():
		return text.FirstGeneration
	case secondGeneration(a.client.CVR):
		return text.MSNTV2
	}
	return text.PC
}

// secondGeneration tells whether a client says that it is an MSN TV 2: the client
// name of a first-generation box with something behind it or with a later version
// than theirs, or Windows CE, which no other client of these dialects runs on. No
// capture of one is known (msntv2.md): what says none of it is shown text as a PC
// is, which it can show too.
func secondGeneration(v server.CVR) bool {
	if strings.EqualFold(v.OS, "webtv") || strings.EqualFold(v.Library, "msntvim") {
		return false
	}
	begins := func(s, with string) bool { return strings.HasPrefix(strings.ToLower(s), with) }
	major, _, _ := strings.Cut(v.Version, ".")
	n, err := strconv.Atoi(major)
	return strings.EqualFold(v.Client, "msntv") && err == nil && n > lastFirstGeneration ||
		begins(v.Client, "msntv") && len(v.Client) > len("msntv") || begins(v.OS, "wince") || begins(v.OS, "windows ce")
}

// lastFirstGeneration is the major version of the last firmware whose line is
// known, 2.8 (msnp.md 17.3).
const lastFirstGeneration = 2

// called is a name as the signed-in client can show it. It may be called from
// any goroutine.
func (a *account) called(name string) string {
	if a.plain.Load() {
		return text.Name(name)
	}
	return name
}
