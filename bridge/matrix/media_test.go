package matrix

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/crypto/attachment"
	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/publicnet"
	"wtvgate/bridge/text"
)

func TestMediaPath(t *testing.T) {
	for mxc, want := range map[string]string{
		"mxc://example.org/AbC_-9": "example.org/AbC_-9", "mxc://example.org:8448/x": "example.org:8448/x", "mxc://[2001:db8::1]:80/x": "%5B2001:db8::1%5D:80/x",
		"": "", "mxc://": "", "mxc://example.org": "", "mxc://example.org/": "", "mxc://example.org/a/b": "", "mxc://example.org/..": "", "mxc://example.org/a?b": "",
		"mxc://example.org/a%2fb": "", "mxc://ex ample/a": "", "https://example.org/a": "", "mxc://exam/ple/a": "", "MXC://example.org/a": "", "mxc://example.org/é": "",
		"mxc://example.org/" + strings.Repeat("a", maxMediaID+1): "",
	} {
		got, err := mediaPath(mxc)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", mxc, got, err, want)
		}
	}
}

func FuzzMediaPath(f *testing.F) {
	f.Add("mxc://example.org/abc")
	f.Add("mxc://[::1]:8448/..")
	f.Fuzz(func(t *testing.T, mxc string) {
		p, err := mediaPath(mxc)
		if err == nil && (strings.Count(p, "/") != 1 || strings.Contains(p, "..") && !strings.Contains(mxc, "://") || strings.ContainsAny(p, "?# \\")) {
			t.Errorf("%q became %q", mxc, p)
		}
	})
}

// mediaNet is a network with a homeserver that has files.
func mediaNet(t *testing.T, h http.HandlerFunc) *Network {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	n := &Network{o: Options{HomeserverURL: srv.URL}, client: newHTTPClient(), public: publicnet.NewClient(requestTimeout)}
	n.live.Store(&live{reg: &appservice.Registration{AppToken: "as-token"}})
	return n
}

func read(t *testing.T, n *Network, ref string) (string, error) {
	t.Helper()
	m, err := n.OpenMedia(t.Context(), ref)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(m)
	return string(data), errors.Join(err, m.Close())
}

func TestOpenMedia(t *testing.T) {
	var asked []string
	n := mediaNet(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.Header.Get("Authorization") != "Bearer as-token" || r.URL.RawQuery != "" {
			t.Errorf("asked with %q for %s", r.Header.Get("Authorization"), r.URL)
		}
		switch r.URL.Path {
		case pathMedia + "hs.test/cat", pathMediaOld + "hs.test/old":
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "meow")
		case pathMedia + "hs.test/old":
			reply(w, 404, m{"errcode": "M_UNRECOGNIZED"})
		case pathMedia + "hs.test/moved":
			http.Redirect(w, r, pathMedia+"hs.test/cat", http.StatusTemporaryRedirect)
		case pathMedia + "hs.test/round":
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		case pathMedia + "hs.test/odd":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		case pathMedia + "hs.test/broken":
			w.WriteHeader(500)
		default:
			reply(w, 404, m{"errcode": "M_NOT_FOUND"})
		}
	})
	for ref, want := range map[string]string{"mxc://hs.test/cat": "meow", "mxc://hs.test/old": "meow", "mxc://hs.test/moved": "meow"} {
		if got, err := read(t, n, ref); got != want || err != nil {
			t.Errorf("%s: %q, %v", ref, got, err)
		}
	}
	for ref, gone := range map[string]bool{"mxc://hs.test/none": true, "mxc://hs.test/round": false, "mxc://hs.test/broken": false, "mxc://hs.test/odd": false} {
		if _, err := read(t, n, ref); err == nil || errors.Is(err, bridge.ErrNoMedia) != gone {
			t.Errorf("%s: %v", ref, err)
		}
	}
	before := len(asked)
	for _, ref := range []string{"", "http://127.0.0.1/x", "mxc://hs.test/../x", "{", `{"url":"mxc://hs.test/cat"}`, `{"url":"x","v":"v2"}`} {
		if _, err := read(t, n, ref); err == nil {
			t.Errorf("%q was opened", ref)
		}
	}
	if len(asked) != before {
		t.Errorf("asked for %v", asked[before:])
	}
	if m, err := n.OpenMedia(t.Context(), "mxc://hs.test/cat"); err != nil || m.Type != "image/png" || m.Size != 4 || m.Close() != nil {
		t.Errorf("%+v, %v", m, err)
	}
	idle := &Network{}
	if _, err := idle.OpenMedia(t.Context(), "mxc://hs.test/cat"); !errors.Is(err, errNotRunning) {
		t.Errorf("before Run: %v", err)
	}
}

// TestMediaElsewhere: a homeserver may send us to where it keeps files, but not
// into our own network, and the token stays here.
func TestMediaElsewhere(t *testing.T) {
	reached := make(chan *http.Request, 10)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached <- r
		_, _ = io.WriteString(w, "meow")
	}))
	defer other.Close()
	n := mediaNet(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/file", http.StatusTemporaryRedirect)
	})
	if _, err := read(t, n, "mxc://hs.test/cat"); err == nil || len(reached) != 0 {
		t.Errorf("a private address was reached: %v", err)
	}
	n.public = &http.Client{} // as if it were public
	if got, err := read(t, n, "mxc://hs.test/cat"); got != "meow" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if r := <-reached; r.Header.Get("Authorization") != "" || r.URL.Path != "/file" {
		t.Errorf("asked elsewhere with %v for %s", r.Header, r.URL)
	}
}

func TestEncryptedMedia(t *testing.T) {
	file := attachment.NewEncryptedFile()
	secret := []byte("meow, but secret")
	file.EncryptInPlace(secret)
	n := mediaNet(t, func(w http.ResponseWriter, r *http.Request) {
		data := append([]byte{}, secret...)
		if strings.HasSuffix(r.URL.Path, "changed") {
			data[0] ^= 1
		}
		_, _ = w.Write(data)
	})
	ref := func(id string) string {
		return reference(&event.MessageEventContent{MsgType: event.MsgImage, File: &event.EncryptedFileInfo{EncryptedFile: *file, URL: mid.ContentURIString("mxc://hs.test/" + id)}})
	}
	if got, err := read(t, n, ref("cat")); got != "meow, but secret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := read(t, n, ref("changed")); !errors.Is(err, attachment.ErrHashMismatch) {
		t.Errorf("changed on its way: %v", err)
	}
}

// TestPictureEvents: what the model knows of pictures.
func TestPictureEvents(t *testing.T) {
	for name, tt := range map[string]struct{ kind, content, want string }{
		"image":   {"m.room.message", `{"msgtype":"m.image","body":"cat.jpg","url":"mxc://hs.test/cat","info":{"mimetype":"image/jpeg","size":5}}`, "picture cat.jpg mxc://hs.test/cat image/jpeg"},
		"bad url": {"m.room.message", `{"msgtype":"m.image","body":"cat.jpg","url":"https://evil.example/x"}`, "picture cat.jpg  "},
		"sticker": {"m.sticker", `{"body":"Wave","url":"mxc://hs.test/wave","info":{"mimetype":"image/webp"}}`, "sticker Wave mxc://hs.test/wave image/webp"},
		"file":    {"m.room.message", `{"msgtype":"m.file","body":"a.pdf","url":"mxc://hs.test/pdf","info":{"mimetype":"application/pdf"}}`, "file a.pdf  "},
		"a picture as a file": {"m.room.message", `{"msgtype":"m.file","body":"a.png","url":"mxc://hs.test/png","info":{"mimetype":"image/png"}}`,
			"file a.png mxc://hs.test/png image/png"},
	} {
		evt, err := parseEvent([]byte(`{"type":"` + tt.kind + `","event_id":"$1","sender":"@bob:hs.test","content":` + tt.content + `}`))
		if err == nil {
			err = parse(evt)
		}
		if err != nil {
			t.Fatal(err)
		}
		c := incoming(evt.Content.AsMessage(), tt.kind == "m.sticker", room{friend: bobID})
		if len(c.Runs) != 1 || c.Runs[0].Kind != text.KindFile {
			t.Errorf("%s: %+v", name, c)
			continue
		}
		f := c.Runs[0].File
		if got := strings.Join([]string{f.Kind, f.Name, f.Ref, f.Type}, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		var back text.Content
		if data, err := json.Marshal(c); err != nil || json.Unmarshal(data, &back) != nil || back.Runs[0].File.Ref != f.Ref {
			t.Errorf("%s does not survive storage: %v", name, err)
		}
	}
}
