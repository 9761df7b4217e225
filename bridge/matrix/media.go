package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
)

// media.go: files that friends send. They are fetched from our own homeserver
// alone, with our token; one that sends us elsewhere is followed without it, and
// to public addresses only.

const (
	// pathMedia is where files are (client-server API 1.11), and pathMediaOld where
	// homeservers from before have them, without authentication.
	pathMedia    = "/_matrix/client/v1/media/download/"
	pathMediaOld = "/_matrix/media/v3/download/"
	// maxMediaID is the longest id of a file, in characters: longer than any
	// homeserver makes.
	maxMediaID = 255
	// maxHops is how often the homeserver may send us on.
	maxHops = 3
	// maxErrorBody is how much of an error's body is read.
	maxErrorBody = 8 << 10
)

var _ bridge.Fetcher = (*Network)(nil)

// reference is a message's file in our own words: its mxc address, or for an
// encrypted one what the message says of it, with the key. "" for no file.
func reference(m *event.MessageEventContent) string {
	if m.File != nil && m.File.URL != "" {
		ref, err := json.Marshal(m.File)
		if err != nil {
			return ""
		}
		return string(ref)
	}
	if _, err := mediaPath(string(m.URL)); err != nil {
		return ""
	}
	return string(m.URL)
}

// mediaPath reads an mxc address strictly: a server's name and an id of letters,
// digits, _ and -, as the path below pathMedia.
func mediaPath(mxc string) (string, error) {
	rest, ok := strings.CutPrefix(mxc, "mxc://")
	server, file, two := strings.Cut(rest, "/")
	if !ok || !two || !mid.ValidateServerName(server) || file == "" || len(file) > maxMediaID ||
		strings.ContainsFunc(file, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-')
		}) {
		return "", errors.New("matrix: no mxc address")
	}
	return url.PathEscape(server) + "/" + file, nil
}

// OpenMedia fetches a friend's file, and decrypts it where that is needed. It
// returns when the homeserver begins to answer.
func (n *Network) OpenMedia(ctx context.Context, ref string) (bridge.Media, error) {
	l := n.live.Load()
	if l == nil {
		return bridge.Media{}, errNotRunning
	}
	mxc, file := ref, (*event.EncryptedFileInfo)(nil)
	if strings.HasPrefix(ref, "{") {
		file = new(event.EncryptedFileInfo)
		if err := json.Unmarshal([]byte(ref), file); err != nil {
			return bridge.Media{}, errors.New("matrix: a file's reference cannot be read") // it holds a key: not repeated
		}
		if err := file.PrepareForDecryption(); err != nil {
			return bridge.Media{}, fmt.Errorf("matrix: an encrypted file: %w", err)
		}
		mxc = string(file.URL)
	}
	at, err := mediaPath(mxc)
	if err != nil {
		return bridge.Media{}, err
	}
	resp, err := n.download(ctx, l, pathMedia+at)
	if errors.Is(err, errUnrecognized) {
		resp, err = n.download(ctx, l, pathMediaOld+at)
	}
	if err != nil {
		return bridge.Media{}, err
	}
	m := bridge.Media{ReadCloser: resp.Body, Type: resp.Header.Get("Content-Type"), Size: resp.ContentLength}
	if file != nil {
		m.ReadCloser = file.DecryptStream(resp.Body)
	}
	return m, nil
}

// errUnrecognized: the homeserver does not know the path.
var errUnrecognized = fmt.Errorf("matrix: the homeserver has no such call: %w", bridge.ErrNoMedia)

// download asks the homeserver, and whoever it sends us to.
func (n *Network) download(ctx context.Context, l *live, path string) (*http.Response, error) {
	home, err := url.Parse(n.o.HomeserverURL)
	if err != nil {
		return nil, fmt.Errorf("matrix: %w", err)
	}
	next := home.JoinPath() // a copy
	if next, err = next.Parse(strings.TrimSuffix(n.o.HomeserverURL, "/") + path); err != nil {
		return nil, fmt.Errorf("matrix: %w", err)
	}
	for range maxHops {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, next.String(), nil)
		if err != nil {
			return nil, fmt.Errorf("matrix: %w", err)
		}
		client := n.public
		if next.Scheme == home.Scheme && next.Host == home.Host {
			client = n.client // which follows nobody by itself
			req.Header.Set("Authorization", "Bearer "+l.reg.AppToken)
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("matrix: fetching a file: %w", unwrapAll(err)) // without the address
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		to, err := resp.Location()
		if err != nil || resp.StatusCode < 300 || resp.StatusCode > 399 {
			return nil, mediaError(resp)
		}
		resp.Body.Close()
		if next = to; next.Scheme != "http" && next.Scheme != "https" {
			return nil, errors.New("matrix: the homeserver sends us to what is no web address")
		}
	}
	return nil, errors.New("matrix: the homeserver sends us on and on")
}

// mediaError reads why there is no file, and closes the answer.
func mediaError(resp *http.Response) error {
	defer resp.Body.Close()
	var e mautrix.RespError
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err == nil {
		_ = json.Unmarshal(body, &e) // a proxy's page is none, and the status has to do
	}
	switch {
	case e.ErrCode == mautrix.MUnrecognized.ErrCode, resp.StatusCode == http.StatusMethodNotAllowed:
		return errUnrecognized
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return bridge.ErrNoMedia
	}
	return fmt.Errorf("matrix: fetching a file: the homeserver answers %s %s", resp.Status, e.ErrCode)
}
