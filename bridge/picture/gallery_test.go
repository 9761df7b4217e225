package picture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

func TestServe(t *testing.T) {
	r := newRig(t)
	u := r.has("mxc://a/b", asPNG(t, photo(800, 600)))
	if want := "http://" + r.host + "/p/"; !strings.HasPrefix(u, want) || len(u) != len(want)+tokenLength {
		t.Fatalf("link %q", u)
	}
	resp, data := r.get(http.MethodGet, u)
	h := resp.Header
	if resp.StatusCode != 200 || h.Get("Content-Type") != "image/jpeg" || resp.ContentLength != int64(len(data)) || h.Get("X-Content-Type-Options") != "nosniff" ||
		h.Get("Cache-Control") != "private, max-age=86400" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d %v", resp.StatusCode, h)
	}
	wantFits(t, Picture{"image/jpeg", data})
	resp, body := r.get(http.MethodHead, u)
	if resp.StatusCode != 200 || resp.ContentLength != int64(len(data)) || len(body) != 0 {
		t.Errorf("HEAD: %d, %d bytes, %q", resp.StatusCode, resp.ContentLength, body)
	}
	if n := r.opens(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	if again := r.link("mxc://a/b"); again != u {
		t.Errorf("another link for the same picture: %s and %s", u, again)
	}
	other, _, err := r.g.Link(t.Context(), "carol@webtv.local", "net", text.Attachment{Ref: "mxc://a/b"}, reached)
	if err != nil || other == u {
		t.Errorf("another account's link: %s, %v", other, err)
	}
	if resp, _ := r.get(http.MethodGet, other); resp.StatusCode != 200 || r.opens() != 1 {
		t.Errorf("%d after %d fetches", resp.StatusCode, r.opens())
	}
}

func TestLinksAndCacheSurviveARestart(t *testing.T) {
	r := newRig(t)
	u := r.has("one", asPNG(t, photo(60, 40)))
	_, before := r.get(http.MethodGet, u)
	if err := r.g.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.src.mu.Lock()
	clear(r.src.files)
	r.src.mu.Unlock()
	r.start()
	_, after := r.get(http.MethodGet, "http://"+r.host+u[strings.Index(u, path):])
	if !bytes.Equal(before, after) || len(after) == 0 {
		t.Errorf("%d bytes before and %d after", len(before), len(after))
	}
}

func TestNotFound(t *testing.T) {
	r := newRig(t)
	base := "http://" + r.host
	for _, p := range []string{"/", "/p", "/p/", "/p/x7kq", "/p/aaaaaaaaaaaa", "/p/aaaaaaaaaaaa/", "/p/..%2f..%2fetc", "/p/" + strings.Repeat("a", 4000), "/favicon.ico"} {
		r.refuses(base+p, 404, gone)
	}
	r.refuses(r.link("never there"), 404, gone)
	resp, data := r.get(http.MethodPost, base+"/p/aaaaaaaaaaaa")
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" || string(data) != "Only GET is served here.\r\n" {
		t.Errorf("POST: %d %q", resp.StatusCode, data)
	}
}

func TestLinksExpire(t *testing.T) {
	r := newRig(t)
	u := r.has("one", asPNG(t, photo(9, 9)))
	r.later(linkLife - time.Second)
	if resp, _ := r.get(http.MethodGet, u); resp.StatusCode != 200 {
		t.Errorf("a second before: %d", resp.StatusCode)
	}
	r.later(time.Second)
	r.refuses(u, 404, gone)
	if n, err := r.st.Prune(t.Context(), r.clock()); err != nil || n != 1 {
		t.Errorf("pruned %d, %v", n, err)
	}
	if again := r.link("one"); again == u {
		t.Error("a removed link came back")
	}
}

func TestLinkLimits(t *testing.T) {
	r := newRig(t)
	first := r.has("0", asPNG(t, photo(9, 9)))
	r.later(time.Millisecond)
	var wg sync.WaitGroup
	for i := range maxLinks { // at once: what waits for each other shares a commit
		wg.Go(func() {
			if _, note, err := r.g.Link(t.Context(), alice, "net", text.Attachment{Ref: fmt.Sprint("n", i)}, reached); note != "" || err != nil {
				t.Errorf("link %d: %q, %v", i, note, err)
			}
		})
	}
	wg.Wait()
	r.refuses(first, 404, gone)
	for _, f := range []text.Attachment{{}, {Ref: strings.Repeat("x", maxRef+1)}} {
		if u, _, err := r.g.Link(t.Context(), alice, "net", f, reached); err == nil {
			t.Errorf("link %s to nothing", u)
		}
	}
	for note, f := range map[string]text.Attachment{"HEIC cannot be shown here": {Ref: "x", Type: "image/heic"}, "too large to be shown here": {Ref: "x", Size: maxSource + 1}} {
		if u, got, err := r.g.Link(t.Context(), alice, "net", f, reached); u != "" || got != note || err != nil {
			t.Errorf("%q, %q, %v", u, got, err)
		}
	}
	if _, _, err := r.g.Link(t.Context(), "nobody@webtv.local", "net", text.Attachment{Ref: "x"}, reached); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such account: %v", err)
	}
	r.g.o.PublicURL = "http://pictures.example"
	if u := r.link("x"); !strings.HasPrefix(u, "http://pictures.example/p/") {
		t.Errorf("link %s", u)
	}
	r.g.o.PublicURL = ""
	if got := r.g.base(netip.MustParseAddr("::ffff:192.0.2.7")); !strings.HasPrefix(got, "http://192.0.2.7:") {
		t.Errorf("base %s", got)
	}
	if got := r.g.base(netip.MustParseAddr("2001:db8::1%eth0")); !strings.HasPrefix(got, "http://[2001:db8::1]:") {
		t.Errorf("base %s", got)
	}
}

// TestWhatCannotBeShown: one line each, and what is for ever is not fetched again.
func TestWhatCannotBeShown(t *testing.T) {
	r := newRig(t)
	for ref, tt := range map[string]struct {
		data   []byte
		status int
		line   string
	}{
		"heic": {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), 415, "This picture is in the HEIC format, which cannot be shown here."},
		"svg":  {[]byte("<svg/>"), 415, "This picture is in the SVG format, which cannot be shown here."},
		"bomb": {pngBomb(t, 30000, 30000), 413, "This picture has 30000 x 30000 pixels, which is too large to be shown here."},
		"huge": {make([]byte, maxSource+1), 413, "This picture has more than 12 MB, which is too large to be shown here."},
		"html": {[]byte("<html>"), 415, "This file is no picture that can be shown here."},
	} {
		u := r.has(ref, tt.data)
		before := r.opens()
		r.refuses(u, tt.status, tt.line)
		r.refuses(u, tt.status, tt.line)
		if n := r.opens() - before; n != 1 {
			t.Errorf("%s: fetched %d times", ref, n)
		}
	}
	u := r.has("lies", make([]byte, maxSource+1))
	r.src.size = 5 // less than comes
	r.refuses(u, 413, "This picture has more than 12 MB, which is too large to be shown here.")
	r.src.size = maxSource + 1
	r.refuses(r.has("said", []byte("x")), 413, "This picture has more than 12 MB, which is too large to be shown here.")
}

// TestPassingTrouble: what may be over in a minute is tried again.
func TestPassingTrouble(t *testing.T) {
	r := newRig(t)
	u := r.has("one", asPNG(t, photo(30, 30)))
	r.src.err = errors.New("connection refused")
	r.refuses(u, 502, "This picture cannot be fetched right now. Please try again later.")
	r.src.err = nil
	r.src.bad = errors.New("mismatching digest")
	r.refuses(u, 415, "This picture is damaged and cannot be shown.")
	r.src.bad = nil
	other := r.has("two", asPNG(t, photo(30, 30)))
	r.g.patient = time.Millisecond
	r.src.hold = make(chan struct{})
	r.refuses(other, 504, "Fetching this picture takes too long. Please try again later.")
	r.src.hold, r.g.patient = nil, makeTimeout
	if resp, _ := r.get(http.MethodGet, other); resp.StatusCode != 200 {
		t.Errorf("after that: %d", resp.StatusCode)
	}
}

// TestOneFlightForAll: ten who ask at once cost one fetch; too many pictures at
// once are refused.
func TestOneFlightForAll(t *testing.T) {
	r := newRig(t)
	r.src.hold = make(chan struct{})
	u := r.has("one", asPNG(t, photo(30, 30)))
	answers := make(chan int, 100)
	ask := func(u string) {
		resp, err := http.Get(u)
		if err != nil {
			answers <- 0
			return
		}
		resp.Body.Close()
		answers <- resp.StatusCode
	}
	for range 10 {
		go ask(u)
	}
	for i := range maxFlights - 1 {
		go ask(r.has(fmt.Sprint("n", i), asPNG(t, photo(30, 30))))
	}
	for range fetchers { // as many as may are being fetched, the others wait
		<-r.src.asked
	}
	full := func() bool { r.g.mu.Lock(); defer r.g.mu.Unlock(); return len(r.g.flights) == maxFlights }
	for !full() { // each look is a round trip
		r.get(http.MethodGet, "http://"+r.host+"/")
		r.g.visit.mu.Lock()
		clear(r.g.visit.used)
		r.g.visit.mu.Unlock()
	}
	r.refuses(r.has("late", asPNG(t, photo(30, 30))), 503, "Too many pictures are being made. Please try again in a moment.")
	close(r.src.hold)
	for range 10 + maxFlights - 1 {
		if got := <-answers; got != 200 {
			t.Errorf("answered %d", got)
		}
	}
	if n := r.opens(); n != maxFlights {
		t.Errorf("%d fetches for %d pictures", n, maxFlights)
	}
}

func TestRateLimit(t *testing.T) {
	r := newRig(t)
	u := r.has("one", asPNG(t, photo(30, 30)))
	for range ticketsPerMinute {
		if resp, _ := r.get(http.MethodHead, u); resp.StatusCode != 200 {
			t.Fatalf("%d", resp.StatusCode)
		}
	}
	r.refuses(u, 429, "Too many requests. Please try again in a minute.")
	r.later(time.Minute)
	for range ticketsPerMinute / (missCost + 1) {
		r.refuses("http://"+r.host+"/p/aaaaaaaaaaaa", 404, gone)
	}
	r.refuses("http://"+r.host+"/p/aaaaaaaaaaab", 429, "Too many requests. Please try again in a minute.")
	v := visits{now: r.clock}
	for i := range maxVisitors + 5 {
		v.admit(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32))
	}
	if len(v.used) != 5 {
		t.Errorf("%d visitors are counted", len(v.used))
	}
	if a, b := caller("[2001:db8::1]:80"), caller("[2001:db8::ffff:2]:81"); a != b || a == caller("192.0.2.1:1") {
		t.Errorf("callers %v, %v", a, b)
	}
}

func TestTokens(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		k := newToken()
		if len(k) != tokenLength || strings.Trim(k, tokenLetters) != "" || seen[k] {
			t.Fatalf("token %q", k)
		}
		seen[k] = true
	}
}

func TestCache(t *testing.T) {
	dir := t.TempDir()
	name := func(c byte) string { return strings.Repeat(string(c), fileLength) }
	for _, f := range []string{name('d') + unfinished, "notes.txt", name('e')[:9] + ".jpg"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("1234567890"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open := func() *cache {
		c, err := openCache(dir, 25)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	put := func(c *cache, file byte) {
		t.Helper()
		if err := c.put(name(file), Picture{"image/gif", []byte("1234567890")}); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(file), 0)
		if err := os.Chtimes(c.name(entry{file: name(file), ext: ".gif"}), at, at); err != nil {
			t.Fatal(err)
		}
	}
	has := func(c *cache, want string) {
		t.Helper()
		got := ""
		for _, f := range "abcd" {
			if c.entries[name(byte(f))] != nil {
				got += string(f)
			}
		}
		if got != want || c.size != int64(10*len(want)) || c.order.Len() != len(want) {
			t.Errorf("the cache has %q, %d bytes; want %q", got, c.size, want)
		}
	}
	c := open()
	if _, err := os.Stat(filepath.Join(dir, name('d')+unfinished)); err == nil {
		t.Error("what was interrupted stays")
	}
	put(c, 'a')
	put(c, 'b')
	if p, ok := c.get(name('a')); !ok || p.Type != "image/gif" || string(p.Data) != "1234567890" {
		t.Errorf("%+v, %v", p, ok)
	}
	put(c, 'c') // b is the one nobody asked for
	has(c, "ac")
	c = open() // a was asked for last
	has(c, "ac")
	put(c, 'b')
	has(c, "ab")
	if err := os.WriteFile(c.name(entry{file: name('a'), ext: ".gif"}), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.get(name('a')); ok {
		t.Error("a damaged file was served")
	}
	has(c, "b")
	if err := c.put(name('a'), Picture{"image/jpeg", bytes.Repeat([]byte("x"), 100)}); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.get(name('a')); !ok || c.order.Len() != 1 {
		t.Error("a picture larger than the cache is not served to who asked")
	}
}

// TestStopDoesNotWaitForASlowBox: the picture is larger than what a connection
// holds, and the box does not read.
func TestStopDoesNotWaitForASlowBox(t *testing.T) {
	r := newRig(t)
	r.src.hold = make(chan struct{}) // nor for a network that does not answer
	u := r.has("one", asPNG(t, photo(30, 30)))
	c, err := net.Dial("tcp", r.host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\n\r\n", u[strings.Index(u, path):]); err != nil {
		t.Fatal(err)
	}
	<-r.src.asked
	begun := time.Now()
	if err := r.g.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begun); d > patienceToStop {
		t.Errorf("stopping took %v", d)
	}
	answer, _ := io.ReadAll(c)
	if len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.0 50") {
		t.Errorf("the box was answered %q", answer)
	}
	if resp, err := http.Get(u); err == nil {
		resp.Body.Close()
		t.Error("still serving")
	}
}

// patienceToStop is far more than stopping takes, and less than making a picture
// may.
const patienceToStop = 20 * time.Second
