package discord

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/publicnet"
	"wtvgate/bridge/text"
)

// media.go: pictures that friends send. They lie on Discord's own hosts alone, under
// links that are signed and die within a day (discord.md 2): of a dead one the
// message is read again, which has it anew.

var _ bridge.Fetcher = (*Network)(nil)

// cdnHosts are where Discord keeps files.
var cdnHosts = []string{"cdn.discordapp.com", "media.discordapp.net"}

const (
	// mediaTimeout bounds fetching one file, its body included.
	mediaTimeout = time.Minute
	// linkSpare is how long before its end a link is not relied on.
	linkSpare = time.Minute
	// maxMediaURL is the longest link kept, in bytes; Discord's have about 300.
	maxMediaURL = 2048
)

// isMedia tells whether a link leads to a file of Discord's, or of the server that
// stands for it. Nothing else is ever fetched.
func (n *Network) isMedia(link string) bool {
	u, err := url.Parse(link)
	if err != nil || len(link) > maxMediaURL || u.User != nil {
		return false
	}
	base := n.rest.transport.base
	return u.Scheme == "https" && slices.Contains(cdnHosts, u.Host) || u.Scheme == base.Scheme && u.Host == base.Host
}

// withRefs gives a message's pictures what OpenMedia finds them by: where the
// message is, and the link that it had.
func (n *Network) withRefs(c text.Content, h *head) text.Content {
	var runs []text.Run
	for i, x := range c.Runs {
		if x.File == nil || x.File.Kind != text.Picture || !n.isMedia(x.File.URL) {
			continue
		}
		if runs == nil {
			runs = slices.Clone(c.Runs)
		}
		f := *x.File
		f.Ref = h.ChannelID + "/" + h.ID + "/" + f.URL
		runs[i].File = &f
	}
	if runs != nil {
		c.Runs = runs
	}
	return c
}

// file is a picture of a message.
type file struct{ channel, message, link string }

func (n *Network) fileOf(ref string) (file, error) {
	all := strings.SplitN(ref, "/", 3)
	if len(all) != 3 || snowflake(all[0]) == 0 || snowflake(all[1]) == 0 || !n.isMedia(all[2]) {
		return file{}, errors.New("discord: no reference to a picture")
	}
	return file{all[0], all[1], all[2]}, nil
}

// OpenMedia implements bridge.Fetcher.
func (n *Network) OpenMedia(ctx context.Context, ref string) (bridge.Media, error) {
	f, err := n.fileOf(ref)
	if err != nil {
		return bridge.Media{}, err
	}
	if n.live.Load() == nil || n.me.Load() == nil {
		return bridge.Media{}, errNotRunning
	}
	if !n.expired(f.link) {
		if m, err := n.fetch(ctx, f.link); !errors.Is(err, bridge.ErrNoMedia) {
			return m, err
		}
	}
	link, err := n.linkAgain(ctx, f)
	if err != nil {
		return bridge.Media{}, err
	}
	return n.fetch(ctx, link)
}

// expired tells whether a signed link says that its time is over.
func (n *Network) expired(link string) bool {
	u, err := url.Parse(link)
	if err != nil {
		return true
	}
	ex, err := strconv.ParseInt(u.Query().Get("ex"), 16, 64)
	return err == nil && !n.now().Add(linkSpare).Before(time.Unix(ex, 0))
}

// linkAgain finds the picture's link as it is now.
func (n *Network) linkAgain(ctx context.Context, f file) (string, error) {
	var m any
	err := n.rest.do(ctx, request{method: http.MethodGet, route: "/channels/{}/messages/{}", args: []string{f.channel, f.message}}, &m)
	switch code(err) {
	case codeUnknownMessage, codeUnknownChannel, codeNoAccess:
		return "", fmt.Errorf("%w: %w", bridge.ErrNoMedia, err)
	}
	if err != nil {
		return "", err
	}
	old, err := url.Parse(f.link)
	if err != nil {
		return "", bridge.ErrNoMedia
	}
	if link := sameFile(m, old); link != "" && n.isMedia(link) {
		return link, nil
	}
	return "", bridge.ErrNoMedia
}

// sameFile looks through a message for a link to the same file, whatever its
// signature: in its attachments, embeds, components or in what it forwards.
func sameFile(v any, old *url.URL) string {
	switch v := v.(type) {
	case string:
		if u, err := url.Parse(v); err == nil && u.Host == old.Host && u.Path == old.Path && u.Scheme == old.Scheme {
			return v
		}
	case []any:
		for _, x := range v {
			if link := sameFile(x, old); link != "" {
				return link
			}
		}
	case map[string]any:
		for _, x := range v {
			if link := sameFile(x, old); link != "" {
				return link
			}
		}
	}
	return ""
}

// fetch asks for a file, without our token and following nobody. What has died or
// gone is ErrNoMedia.
func (n *Network) fetch(ctx context.Context, link string) (bridge.Media, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return bridge.Media{}, errors.New("discord: a picture's link cannot be read")
	}
	req.Header.Set("User-Agent", n.rest.transport.agent)
	client := n.files
	if base := n.rest.transport.base; req.URL.Host == base.Host && req.URL.Scheme == base.Scheme {
		client = n.ownFiles
	}
	resp, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the link, which is signed
		}
		return bridge.Media{}, fmt.Errorf("discord: fetching a picture: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return bridge.Media{ReadCloser: resp.Body, Type: resp.Header.Get("Content-Type"), Size: resp.ContentLength}, nil
	}
	resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return bridge.Media{}, bridge.ErrNoMedia
	}
	return bridge.Media{}, fmt.Errorf("discord: fetching a picture: HTTP %d", resp.StatusCode)
}

// fileClients are the ways to files: Discord's hosts, which must be public whatever
// their names mean here, and the server of discord.api_url, which its operator
// chose. Neither is followed elsewhere.
func fileClients(own http.RoundTripper) (public, configured *http.Client) {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	public = publicnet.NewClient(mediaTimeout)
	public.CheckRedirect = stay
	return public, &http.Client{Transport: own, Timeout: mediaTimeout, CheckRedirect: stay}
}
