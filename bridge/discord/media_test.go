package discord

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/discord/discordtest"
	"wtvgate/bridge/id"
	"wtvgate/bridge/picture"
	"wtvgate/bridge/text"
)

// gallery serves pictures to boxes.
func (r *rig) gallery() *picture.Gallery {
	r.t.Helper()
	var g *picture.Gallery
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { g.ServeHTTP(w, q) }))
	r.t.Cleanup(srv.Close)
	var err error
	if g, err = picture.Open(picture.Options{Store: r.st, Hub: r.hub, Dir: r.t.TempDir(), Cache: 1 << 20, PublicURL: srv.URL, Log: slog.New(slog.DiscardHandler)}); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := g.Shutdown(r.t.Context()); err != nil && r.t.Context().Err() == nil {
			r.t.Error(err)
		}
	})
	return g
}

// shown is the one line that waits for an account, as its box shows it: with links
// to pictures.
func (r *rig) shown(g *picture.Gallery, a id.Account) string {
	r.t.Helper()
	r.until("the picture", func() bool { return len(r.rows(a)) == 1 })
	row := r.rows(a)[0]
	var c text.Content
	if err := json.Unmarshal(row.Body, &c); err != nil {
		r.t.Fatal(err)
	}
	for i, x := range c.Runs {
		if x.File != nil && x.File.Ref != "" {
			link, note, err := g.Link(r.t.Context(), a, row.Network, *x.File, netip.MustParseAddr("127.0.0.1"))
			if err != nil || note != "" {
				r.t.Fatalf("no link: %q, %v", note, err)
			}
			c.Runs[i].File.URL = link
		}
	}
	r.take(a)
	pieces, _ := text.Render(c, text.Options{Client: text.FirstGeneration, Limit: 1000})
	return strings.Join(pieces, "|")
}

// get asks for a picture as a box does.
func get(t *testing.T, url string) (status int, kind string, body []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}

// TestPictures: what a friend attaches is a short link on the box, behind which is a
// JPEG of ours; also when Discord's own link has died meanwhile, and in a message
// that was handed on.
func TestPictures(t *testing.T) {
	t.Parallel()
	theirs := &clockShift{}
	r, g := newRig(t, func(o *rigOptions) { o.double.Now = theirs.now })
	bob := r.friend("coolcat", g, alice)
	gallery := r.gallery()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	cat := func(name string) []discordtest.Attachment {
		return []discordtest.Attachment{{Filename: name, ContentType: "image/png", Data: b.Bytes()}}
	}
	shape := regexp.MustCompile(`^look\n\[picture: (\w+\.png) (http://127\.0\.0\.1:\d+/p/[a-z0-9]{12})\]$`)
	check := func(name string, edit ...func()) {
		t.Helper()
		got := strings.ReplaceAll(r.shown(gallery, alice), "\r\n", "\n")
		m := shape.FindStringSubmatch(strings.TrimPrefix(got, "(forwarded) "))
		if m == nil || m[1] != name {
			t.Fatalf("the box shows %q", got)
		}
		for _, f := range edit {
			f()
		}
		status, kind, body := get(t, m[2])
		p, err := jpeg.Decode(bytes.NewReader(body))
		if status != http.StatusOK || kind != "image/jpeg" || err != nil || p.Bounds().Dx() != 40 || p.Bounds().Dy() != 30 {
			t.Errorf("%s: %d %s %q: %v", name, status, kind, body[:min(len(body), 80)], err)
		}
	}
	const again = "GET /channels/{channel}/messages/{message}"
	first := bob.Post(bob.DM(), discordtest.Post{Content: "look", Attachments: cat("one.png")})
	check("one.png")
	if got := len(r.d.Requests(again)); got != 0 {
		t.Errorf("the message was read again %d times", got)
	}
	bob.Post(bob.DM(), discordtest.Post{Content: "look", Attachments: cat("two.png")})
	check("two.png", func() { theirs.move(48 * time.Hour) }) // 404 at Discord's
	if got := len(r.d.Requests(again)); got != 1 {
		t.Errorf("the message was read again %d times", got)
	}
	r.off.move(48 * time.Hour)
	bob.Post(bob.DM(), discordtest.Post{Content: "look", Attachments: cat("three.png")})
	check("three.png", func() { theirs.move(48 * time.Hour); r.off.move(48 * time.Hour) }) // the link says so itself
	bob.Post(bob.DM(), discordtest.Post{Forward: first.ID})
	check("one.png", func() { theirs.move(48 * time.Hour); r.off.move(48 * time.Hour) })

	gone := bob.Post(bob.DM(), discordtest.Post{Content: "look", Attachments: cat("gone.png")})
	r.until("the picture", func() bool { return len(r.rows(alice)) == 1 })
	var c text.Content
	if err := json.Unmarshal(r.rows(alice)[0].Body, &c); err != nil {
		t.Fatal(err)
	}
	ref := c.Runs[len(c.Runs)-1].File.Ref
	bob.Delete(gone.ID)
	if _, err := r.hub.OpenMedia(t.Context(), Name, ref); !errors.Is(err, bridge.ErrNoMedia) {
		t.Errorf("of a message that is gone: %v", err)
	}
}

// TestMediaHosts: only Discord's hosts and the configured server are ever asked for
// a file, and nobody is followed elsewhere.
func TestMediaHosts(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t)
	own := strings.TrimSuffix(r.d.URL(), "/")
	for link, want := range map[string]bool{
		"https://cdn.discordapp.com/attachments/1/2/a.png?ex=1": true, "https://media.discordapp.net/attachments/1/2/a.png": true, own + "/attachments/1/2/a.png": true,
		"http://cdn.discordapp.com/a.png": false, "https://cdn.discordapp.com:8443/a.png": false, "https://cdn.discordapp.com.evil.example/a": false,
		"https://x@cdn.discordapp.com/a.png": false, "https://evil.example/cdn.discordapp.com": false, "http://127.0.0.1/a.png": false, "": false,
		"https://cdn.discordapp.com/" + strings.Repeat("a", maxMediaURL): false, "file:///etc/passwd": false,
	} {
		if r.n.isMedia(link) != want {
			t.Errorf("%s: %v", link, !want)
		}
		if _, err := r.n.fileOf("1/2/" + link); (err == nil) != want {
			t.Errorf("a reference with %s: %v", link, err)
		}
	}
	for _, ref := range []string{"", "1/2", "x/2/" + own + "/a", "1//" + own + "/a", "0/2/" + own + "/a"} {
		if _, err := r.n.OpenMedia(t.Context(), ref); err == nil {
			t.Errorf("%q was opened", ref)
		}
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer elsewhere.Close()
	away := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer away.Close()
	public, own2 := fileClients(http.DefaultTransport)
	if resp, err := own2.Get(away.URL); err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("%v, %v", resp, err)
	}
	if _, err := public.Get(away.URL); err == nil {
		t.Error("a private address was reached")
	}
}
