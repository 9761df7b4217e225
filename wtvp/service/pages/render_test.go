package pages_test

import (
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/service/pages"
	"wtvgate/wtvp/wire"
)

// hostile are names that people have, and names that people choose to see what happens.
var hostile = []string{
	"", " ", "Bob",
	strings.Repeat("W", 129), strings.Repeat("w ", 64), strings.Repeat("&", 129), strings.Repeat(`"`, 129), strings.Repeat("é", 64),
	"Дмитрий Александрович Преображенский", strings.Repeat("Щ", 64), "王小明", strings.Repeat("王 ", 30), "محمد", "שלום", "ไทย", "Αθηνά",
	"e\u0301e\u0301", "\u202egnp.exe", "\u2039script\u203aalert(1)\u2039/script\u203a", "\uff1cb\uff1ewide\uff1c/b\uff1e",
	"😀🎉👩‍👩‍👧", strings.Repeat("🎉", 32), "¯\\_(ツ)_/¯", "\x00\x07\x1b[31m", "a\r\nb\tc", "\xff\xfe", "\u0085\u0096",
	`<blink>x</blink>`, `"><script>alert(1)</script>`, `' onmouseover='x`, `</td></table>`, `javascript:alert(1)`, `{{.Token}}`, `%0d%0a`, `\u0027;alert(1)//`,
	"https://example.org/" + strings.Repeat("x", 100),
}

// hostileAddresses are addresses as long and odd as they may be.
var hostileAddresses = []string{
	strings.Repeat("&'", 61) + "@m.org", "b@m.org", strings.Repeat("a", 60) + "@" + strings.Repeat("b", 60) + ".org", "a+&=#x@matrix.org", "'`{|}~@matrix.org", `$*?^!@matrix.org`,
	strings.Repeat("=d0=b4", 20) + "@m.org", "#retro@[2001:db8::1]:8448",
}

// request asks the service without a connection.
func request(method, raw string, body string) *server.Request {
	u, err := wire.ParseURL(raw)
	if err != nil {
		panic(err)
	}
	return &server.Request{Method: method, URL: u, Body: []byte(body), Session: &server.Session{
		Secured: true, SSID: ssid, SigningKey: sec.Key{2, 4}, Remote: netip.MustParseAddrPort("127.0.0.1:1024"),
	}}
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// every asks for every page there is about a contact, those that answer forms included, with what somebody else wrote in it.
func every(t testing.TB, name, address string) map[string][]byte {
	t.Helper()
	c := pages.Contact{Address: address, Name: name, Network: name, Friend: true, Allowed: true, AddedMe: true, Online: true}
	b := newBook(c)
	b.me.Name, b.me.Networks[0].Name = name, name
	for i := range pages.PerPage {
		c.Address = fmt.Sprintf("%d%s", i, address)
		b.all[c.Address] = c
	}
	for i := range 20 {
		b.me.Networks = append(b.me.Networks, pages.Network{Name: name + strconv.Itoa(i)})
	}
	h := newService(b)
	out := map[string][]byte{}
	ask := func(method, path, body string) []byte {
		r := h.ServeWTVP(t.Context(), request(method, pages.Name+":"+path, body))
		if r.Status != 200 {
			t.Fatalf("%s: %d %s (%s)", path, r.Status, r.Text, r.Reason)
		}
		out[method+" "+path+" "+body] = r.Body
		return r.Body
	}
	q := quote(address)
	for path := range everyPage {
		ask(wire.MethodGet, path, "")
	}
	for _, path := range []string{"/contact?address=" + q, "/contact?after=block&address=" + q, "/contacts?page=2", "/contacts?page=-9", "/contact?address=" + quote(name)} {
		ask(wire.MethodGet, path, "")
	}
	token := string(tokenField.FindSubmatch(ask(wire.MethodGet, "/add", ""))[1])
	for _, f := range []string{
		"/edit do=rename&address=" + q + "&name=" + quote(name), "/edit do=rename&via=blim&address=" + q + "&name=" + quote(name),
		"/edit do=block&address=" + q, "/edit do=add&from=add&address=" + quote(name) + "&name=" + quote(name), "/rename name=" + quote(name),
		"/switch on=1", "/privacy mode=closed", "/edit do=" + quote(name),
	} {
		path, body, _ := strings.Cut(f, " ")
		ask(wire.MethodPost, path, body+"&token="+token)
	}
	return out
}

// quote is a text as a box sends it, cut to what a field takes.
func quote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && i < 120; i++ {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

// TestHostileNames: on every page, whatever stands in it.
func TestHostileNames(t *testing.T) {
	biggest, where := 0, ""
	for i, name := range hostile {
		address := hostileAddresses[i%len(hostileAddresses)]
		if strings.Trim(name, `&"`) == "" {
			address = hostileAddresses[0]
		}
		for path, page := range every(t, name, address) {
			for _, fault := range lint(page) {
				t.Errorf("name %q, address %q, %s: %s", name, address, path, fault)
			}
			if len(page) > biggest {
				biggest, where = len(page), path
			}
		}
	}
	t.Logf("the biggest page has %d bytes: %.40s", biggest, where)
	if biggest < 5000 {
		t.Error("the names are not long at all")
	}
}

// TestTransliteration: what a letter is written with is escaped.
func TestTransliteration(t *testing.T) {
	for name, want := range map[string]string{
		"Дмитрий":                "<b>Dmitrii</b>",
		"Zoë":                    "<b>Zo\xeb</b>",
		"\u2039b\u203a":          "<b>&lt;b&gt;</b>",
		"王小明":                    "<b>[Chinese text]</b>",
		strings.Repeat("W", 50):  "<b>WWWWWWWWWWWWWWWWWWWW WWWWWWWWWWWWWWWWWWWW W...</b>",
		strings.Repeat("ab ", 9): "<b>ab ab ab ab ab ab ab ab ab</b>",
	} {
		p := every(t, name, "x@matrix.org")["GET /contacts?page=2 "]
		if !strings.Contains(string(p), want) {
			t.Errorf("%q is not shown as %q:\n%s", name, want, p)
		}
	}
	long := strings.Repeat("a", 35) + "@" + strings.Repeat("b", 31) + ".org"
	want := "a" + strings.Repeat("a", 29) + "<br>aaaaa@<br>" + strings.Repeat("b", 30) + "<br>b.org"
	if p := every(t, "Bob", long)["GET /contact?address="+quote(long)+" "]; !strings.Contains(string(p), want) {
		t.Errorf("%q is not shown as %q:\n%s", long, want, p)
	}
}

// TestWithoutTransliteration: a service that was given none.
func TestWithoutTransliteration(t *testing.T) {
	b := newBook(pages.Contact{Address: "x@matrix.org", Name: "Дima é", Friend: true})
	r := pages.New(pages.Options{Backend: b}).ServeWTVP(t.Context(), request(wire.MethodGet, "wtv-messenger:/contacts", ""))
	if !strings.Contains(string(r.Body), "<b>?ima \xe9</b>") {
		t.Errorf("%s", r.Body)
	}
}

// TestContrast: every colour of text stands out from every colour behind it, by the measure of WCAG 2 for small text at the
// stricter level; a TV is no monitor.
func TestContrast(t *testing.T) {
	found := regexp.MustCompile(`\b(bgcolor|text|link|vlink|alink|color)="(#[0-9a-f]{6})"`)
	fore, back := map[string]bool{}, map[string]bool{}
	err := fs.WalkDir(os.DirFS("templates"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile("templates/" + path)
		for _, m := range found.FindAllStringSubmatch(string(b), -1) {
			if m[1] == "bgcolor" {
				back[m[2]] = true
			} else {
				fore[m[2]] = true
			}
		}
		for i, c := range string(b) {
			if c == utf8.RuneError || c >= 0x7f {
				t.Errorf("%s has %q at %d", path, c, i)
			}
		}
		return err
	})
	if err != nil || len(fore) < 2 || len(back) < 3 {
		t.Fatalf("%v %v %v", fore, back, err)
	}
	for f := range fore {
		for b := range back {
			if r := contrast(f, b); r < 7 {
				t.Errorf("%s on %s: %.1f", f, b, r)
			}
		}
	}
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c string) float64 {
	l := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(c[1+2*i:3+2*i], 16, 8)
		v := float64(n) / 255
		if v <= 0.03928 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}

// FuzzNames: a page about somebody has the same tags, whatever they are called, and can be shown.
func FuzzNames(f *testing.F) {
	for _, n := range hostile {
		f.Add(n)
	}
	b := newBook()
	h := newService(b)
	look := func(t testing.TB, name string) []byte {
		b.all["x@matrix.org"] = pages.Contact{Address: "x@matrix.org", Name: name, Network: "N", Friend: true}
		b.me.Name = name
		var all []byte
		for _, path := range []string{"/", "/contacts", "/contact?address=x@matrix.org", "/settings"} {
			r := h.ServeWTVP(t.Context(), request(wire.MethodGet, pages.Name+":"+path, ""))
			if r.Status != 200 {
				t.Fatalf("%s: %s", path, r.Reason)
			}
			if faults := lint(r.Body); len(faults) > 0 {
				t.Fatalf("%s: %v\n%s", path, faults, r.Body)
			}
			all = append(all, r.Body...)
		}
		return all
	}
	want := shape(look(f, "x"))
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) > 400 {
			return
		}
		if got := shape(look(t, name)); got != want {
			t.Errorf("%q makes other tags:\n%s", name, got)
		}
	})
}

// FuzzForms: whatever a form holds, the answer can be shown, and nothing changes that a form with these fields could not have
// meant.
func FuzzForms(f *testing.F) {
	f.Add("/edit", "do=add&address=eve@matrix.org&name=Eve")
	f.Add("/edit", "do=rename&address=bob@matrix.org&name=%FF%80<b>&via=blim")
	f.Add("/edit", "do=block&address=%00%0d%0a&do=add")
	f.Add("/privacy", "mode=closed&mode=open")
	f.Add("/rename", "name=%E2%80%B9script%E2%80%BA")
	f.Add("/switch", "on=1\r\n")
	f.Add("/contact", "address=%zz&after=add")
	f.Add("/contacts", "page=99999999999999999999")
	f.Add("/edit", strings.Repeat("a=b&", 2000))
	f.Fuzz(func(t *testing.T, path, body string) {
		u, err := wire.ParseURL(pages.Name + ":" + path)
		if err != nil {
			return
		}
		b := newBook(bob, carol)
		h := newService(b)
		token := tokenField.FindSubmatch(h.ServeWTVP(t.Context(), request(wire.MethodGet, "wtv-messenger:/add", "")).Body)[1]
		for _, prefix := range []string{"", "token=" + string(token) + "&"} {
			r := request(wire.MethodPost, "wtv-messenger:/", prefix+body)
			r.URL = u
			got := h.ServeWTVP(t.Context(), r)
			switch {
			case got.Status == 404:
			case got.Status != 200:
				t.Fatalf("%d %s", got.Status, got.Reason)
			case got.ContentType == "text/html":
				if faults := lint(got.Body); len(faults) > 0 {
					t.Fatalf("%v\n%s", faults, got.Body)
				}
			}
			if _, err := (&wire.Response{Status: got.Status, Text: got.Text, Header: got.Header}).AppendTo(nil); err != nil {
				t.Fatal(err)
			}
			if prefix == "" && (len(b.edits) > 0 || b.me.Closed || b.me.Name != "Alice") {
				t.Fatal("changed without the token")
			}
		}
		for _, e := range b.edits {
			if e.Address == "" || len(e.Name) > pages.MaxInput {
				t.Errorf("%+v", e)
			}
		}
	})
}
