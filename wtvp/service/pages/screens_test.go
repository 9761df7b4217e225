package pages_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wtvgate/wtvp/service/pages"
	"wtvgate/wtvp/wire"
)

// TestScreens writes the pages as files into the folder that WTVGATE_SCREENS names, for docs/screens/shoot.sh to look at.
func TestScreens(t *testing.T) {
	dir := os.Getenv("WTVGATE_SCREENS")
	if dir == "" {
		t.Skip("make screens sets WTVGATE_SCREENS")
	}
	b := newBook(bob, carol, dave,
		pages.Contact{Address: "dmitri@matrix.org", Name: "Дмитрий Преображенский", Network: "Matrix", Friend: true, Online: true},
		pages.Contact{Address: "zo=c3=ab@example.org", Name: "Zoë", Network: "Matrix", Friend: true, Allowed: true},
		pages.Contact{Address: strings.Repeat("long", 9) + "@" + strings.Repeat("name", 6) + ".example.org", Name: strings.Repeat("Wide", 12), Network: "Matrix", Friend: true},
		pages.Contact{Address: "xiaoming@matrix.org", Name: "王小明 🎉", Network: "Matrix", Friend: true},
		pages.Contact{Address: "coolcat@discord.com", Name: "coolcat", Network: "Discord", Friend: true, Online: true},
		pages.Contact{Address: "last@webtv.local", Name: "Last", Network: "this service", Friend: true},
	)
	h := newService(b)
	write := func(name, method, path, body string) {
		r := h.ServeWTVP(t.Context(), request(method, pages.Name+":"+path, body))
		if r.Status != 200 || len(r.Body) == 0 {
			t.Fatalf("%s: %d %s", path, r.Status, r.Reason)
		}
		// A browser of today has to be told what a box takes for granted.
		page := strings.Replace(string(r.Body), "<head>", `<head><meta charset="windows-1252">`, 1)
		if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, path := range map[string]string{
		"home": "/", "contacts": "/contacts", "contact": "/contact?address=bob@matrix.org", "asks": "/contact?address=dave@discord.com",
		"blocked": "/contact?address=carol@webtv.local", "add": "/add", "settings": "/settings", "networks": "/networks", "log": "/log",
		"help": "/help", "help_friends": "/help?topic=friends",
		"long": "/contact?address=" + strings.Repeat("long", 9) + "@" + strings.Repeat("name", 6) + ".example.org",
	} {
		write(name, wire.MethodGet, path, "")
	}
	token := "&token=" + string(tokenField.FindSubmatch(h.ServeWTVP(t.Context(), request(wire.MethodGet, "wtv-messenger:/add", "")).Body)[1])
	write("problem", wire.MethodPost, "/edit", "do=block")
	write("refused", wire.MethodPost, "/edit", "do=add&from=add&address="+strings.Repeat("nobody", 15)+token)
	write("blocking", wire.MethodPost, "/edit", "do=block&via=blim&address=bob@matrix.org"+token)
	write("done", wire.MethodPost, "/edit", "do=block&address=bob@matrix.org"+token)
	write("on", wire.MethodPost, "/switch", "on=1"+token)
	r := request(wire.MethodGet, "wtv-messenger:/", "")
	r.Session.UserID = 3
	for name, change := range map[string]func(){"unlinked": func() {}, "nobody": func() { r.Session.Secured = false }} {
		change()
		if err := os.WriteFile(filepath.Join(dir, name+".html"), h.ServeWTVP(t.Context(), r).Body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
