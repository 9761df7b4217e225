package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"maunium.net/go/mautrix/crypto/attachment"

	"wtvgate/bridge/config"
	"wtvgate/bridge/matrix"
	"wtvgate/bridge/text"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	"wtvgate/wtvp/sec"
)

// smallHomeserver is as much of a homeserver as a direct room and a file need.
type smallHomeserver struct {
	t     *testing.T
	mu    sync.Mutex
	files map[string][]byte
	asked []string // files that were asked for
	made  chan string
	// stuck says of a path that it is not answered; nil: all are.
	stuck func(path string) bool
}

func (hs *smallHomeserver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/_matrix/client")
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	switch {
	case hs.stuck != nil && hs.stuck(path):
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		w.WriteHeader(http.StatusUnauthorized)
	case strings.HasPrefix(path, "/v1/media/download/"):
		hs.mu.Lock()
		defer hs.mu.Unlock()
		hs.asked = append(hs.asked, path)
		_, _ = w.Write(hs.files[strings.TrimPrefix(path, "/v1/media/download/hs.test/")])
	case strings.HasSuffix(path, "/account/whoami"):
		answer(map[string]string{"user_id": "@webtvbot:hs.test"})
	case strings.HasSuffix(path, "/createRoom"):
		answer(map[string]string{"room_id": "!r:hs.test"})
		hs.made <- "!r:hs.test"
	case strings.HasSuffix(path, "/joined_rooms"):
		answer(map[string][]string{"joined_rooms": {}})
	case strings.Contains(path, "/send/"):
		_, _ = io.Copy(io.Discard, r.Body)
		answer(map[string]string{"event_id": "$sent"})
	default:
		answer(map[string]any{})
	}
}

// push gives events to the gateway as a homeserver does.
func push(t *testing.T, g *gateway, txn, token string, events ...map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, "http://"+g.matrix.Addr().String()+"/_matrix/app/v1/transactions/"+txn, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("transaction answered %s", resp.Status)
	}
}

func event(id, kind string, content map[string]any) map[string]any {
	return map[string]any{"room_id": "!r:hs.test", "event_id": id, "type": kind, "sender": "@bob:hs.test", "origin_server_ts": 1000, "content": content}
}

// meadow is a photograph of 1,200 x 900 as a PNG.
func meadow(t *testing.T) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 1200, 900))
	for y := range 900 {
		for x := range 1200 {
			m.SetRGBA(x, y, color.RGBA{uint8(x / 5), uint8(y / 4), 90, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pictureGateway is a running gateway with Matrix, a box that is signed in and
// has Bob on its list, and a room in which Bob is.
func pictureGateway(t *testing.T, hs *smallHomeserver) (*gateway, *demoBox, string) {
	t.Helper()
	srv := httptest.NewServer(hs)
	t.Cleanup(srv.Close)
	key, err := sec.NewKey(bytes.NewReader([]byte("01234567")))
	if err != nil {
		t.Fatal(err)
	}
	cfg := demoConfig("data", key)
	m := &cfg.Matrix
	m.Enabled, m.Homeserver, m.Encryption = true, config.Homeserver{URL: srv.URL, Domain: "hs.test"}, config.EncryptionOff
	m.Appservice = config.Appservice{Listen: "127.0.0.1:0", URL: "http://127.0.0.1:1", Registration: "registration.yaml"}
	if err := matrix.WriteRegistration(matrixOptions(cfg), "registration.yaml"); err != nil {
		t.Fatal(err)
	}
	reg, err := os.ReadFile("registration.yaml")
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`(?m)^hs_token: (\S+)`).FindSubmatch(reg)
	g, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	runGateway(t, g)
	if err := demoAccounts(t.Context(), g.hub); err != nil {
		t.Fatal(err)
	}
	b := &demoBox{out: io.Discard, messenger: g.messengerPort.Addr().String(), passport: g.wtvpPorts.passport.Addr().String(), key: key}
	if err := b.signIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.ns.Close() })
	if _, err := b.ns.Add(t.Context(), wire.Forward, "bob@hs.test", "Bob", -1); err != nil {
		t.Fatal(err)
	}
	<-hs.made
	join := event("$join", "m.room.member", map[string]any{"membership": "join", "displayname": "Bob"})
	join["state_key"] = "@bob:hs.test"
	push(t, g, "1", string(token[1]), join)
	return g, b, string(token[1])
}

// picks finds the link in a text and fetches what is behind it, as a box does.
func picks(t *testing.T, got, want string) (*http.Response, []byte) {
	t.Helper()
	link := regexp.MustCompile(`http://127\.0\.0\.1:\d+/p/[a-z0-9]{12}`).FindString(got)
	if link == "" || strings.Replace(got, link, "LINK", 1) != want {
		t.Fatalf("the box read %q, want %q", got, want)
	}
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, data
}

// TestPictureFromMatrixToBox: an m.image event becomes a line with a link, and the
// link a JPEG that fits the TV; the same for an encrypted file, and no link for
// what cannot be shown.
func TestPictureFromMatrixToBox(t *testing.T) {
	t.Chdir(t.TempDir())
	file := attachment.NewEncryptedFile()
	sealed := meadow(t)
	file.EncryptInPlace(sealed)
	hs := &smallHomeserver{t: t, made: make(chan string, 10), files: map[string][]byte{"cat": meadow(t), "sealed": sealed}}
	g, b, token := pictureGateway(t, hs)
	picture := func(id, name, mime string, more map[string]any) map[string]any {
		c := map[string]any{"msgtype": "m.image", "body": name, "info": map[string]any{"mimetype": mime}}
		for k, v := range more {
			c[k] = v
		}
		return event(id, "m.room.message", c)
	}
	var sealedFile map[string]any
	raw, err := json.Marshal(file)
	if err != nil || json.Unmarshal(raw, &sealedFile) != nil {
		t.Fatal(err)
	}
	sealedFile["url"] = "mxc://hs.test/sealed"
	push(t, g, "2", token, picture("$1", "cat.jpg", "image/png", map[string]any{"url": "mxc://hs.test/cat"}),
		picture("$2", "dog.png", "image/png", map[string]any{"file": sealedFile}),
		picture("$3", "fox.heic", "image/heic", map[string]any{"url": "mxc://hs.test/fox"}))
	ring, err := awaitNS[msnp.Ringing](t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	talk, err := b.ns.Answer(t.Context(), ring)
	if err != nil {
		t.Fatal(err)
	}
	defer talk.Close()
	read := func() string {
		t.Helper()
		s, err := b.read(t.Context(), talk)
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`^\([^)]*\d:\d\d\) `).ReplaceAllString(s, "") // it is from 1970
	}
	for _, want := range []string{"[picture: cat.jpg LINK]", "[picture: dog.png LINK]"} {
		resp, data := picks(t, read(), want)
		c, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/jpeg" || c.Width != 496 || c.Height != 372 {
			t.Errorf("%s: %s, %d x %d, %v", want, resp.Status, c.Width, c.Height, err)
		}
	}
	if got := read(); got != "[picture: fox.heic, HEIC cannot be shown here]" {
		t.Errorf("the box read %q", got)
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if len(hs.asked) != 2 {
		t.Errorf("the homeserver was asked for %v", hs.asked)
	}
}

// TestPicturesOff: without a port there is no link, and no port.
func TestPicturesOff(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := demoConfig("data", sec.Key{})
	cfg.Pictures.Listen = ""
	g, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	runGateway(t, g)
	if g.linker() != nil || address(g.picturesPort) != "off" {
		t.Errorf("links by %v on %s", g.linker(), address(g.picturesPort))
	}
}

// TestPicturesElsewhere: a link begins as the operator says.
func TestPicturesElsewhere(t *testing.T) {
	t.Chdir(t.TempDir())
	for url, want := range map[string]string{"": "http://127.0.0.1:PORT/p/", "http://pics.example:81": "http://pics.example:81/p/"} {
		cfg := demoConfig(fmt.Sprint("data", len(url)), sec.Key{})
		cfg.Pictures.PublicURL = url
		g, err := openGateway(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		runGateway(t, g)
		if err := demoAccounts(t.Context(), g.hub); err != nil {
			t.Fatal(err)
		}
		link, _, err := g.linker().Link(t.Context(), demoAccount, matrix.Name, text.Attachment{Ref: "mxc://hs.test/x"}, netip.MustParseAddr("127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := strings.Cut(g.picturesPort.Addr().String(), ":")
		if want = strings.Replace(want, "PORT", port, 1); !strings.HasPrefix(link, want) {
			t.Errorf("link %s, want %s", link, want)
		}
	}
}
