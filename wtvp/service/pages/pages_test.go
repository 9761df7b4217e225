package pages_test

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/service/pages"
	"wtvgate/wtvp/wire"
)

var (
	bob   = pages.Contact{Address: "bob@matrix.org", Name: "Bob", Network: "Matrix", Friend: true, Allowed: true, Online: true, AddedMe: true}
	carol = pages.Contact{Address: "carol@webtv.local", Name: "Carol", Network: "this service", Blocked: true}
	dave  = pages.Contact{Address: "dave@discord.com", Name: "Dave", Network: "Discord", AddedMe: true}
)

// everyPage are the pages with what each says of the book's account.
var everyPage = map[string][]string{
	"/":                                    {"Alice", "alice@webtv.local", "Your Messenger is signed in", "New: 1 waiting"},
	"/home":                                {"Alice"},
	"/contacts":                            {"Bob", "bob@matrix.org", "online", "Carol", "blocked", "Dave", "has added you"},
	"/contact?address=bob@matrix.org":      {"One of your friends", "On Matrix", "May write to you", "Change name", "openConversation"},
	"/contact?address=carol%40webtv.local": {"Blocked.", "Unblock", "Also ends the block"},
	"/contact?address=dave@discord.com":    {"waits for your answer", "Allow", "Block", "Add to friends"},
	"/contact?address=new@matrix.org":      {"new@matrix.org", "Add to friends"},
	"/contact?address=nonsense":            {"There is nobody with the address nonsense."},
	"/contact":                             {"There is nobody"},
	"/add":                                 {"bob@matrix.org", "coolcat@discord.com", "name@webtv.local"},
	"/settings":                            {"everyone whom you have not blocked", "getStatusHTML", "Turn on", "Turn off", `value="Alice"`},
	"/networks":                            {"working since Nov 22, 09:05", "cannot be reached", "getConnectionState"},
	"/log":                                 {"getDebugTranscript"},
	"/help":                                {"Blocking."},
	"/help?topic=friends":                  {"@bob:example.org"},
}

func TestEveryPage(t *testing.T) {
	addr := serve(t, newBook(bob, carol, dave))
	both(t, func(t *testing.T, secured bool) {
		v := dial(t, addr, identity(t), secured)
		for path, want := range everyPage {
			p := v.get(path)
			p.says(want...)
			if p.Encrypted != secured {
				t.Errorf("%s: encrypted is %v", path, p.Encrypted)
			}
		}
	})
}

// TestLinks follows every link there is.
func TestLinks(t *testing.T) {
	contacts := []pages.Contact{bob, carol, dave}
	for i := range 20 {
		contacts = append(contacts, pages.Contact{Address: string(rune('a'+i)) + "+#x&y=z@matrix.org", Name: "n", Friend: true})
	}
	v := dial(t, serve(t, newBook(contacts...)), identity(t), true)
	links := regexp.MustCompile(`href="wtv-messenger:([^"]+)"`)
	seen, todo := map[string]bool{}, []string{"/"}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		p := v.get(path)
		if strings.HasPrefix(path, "/contact?") {
			p.silent("not a friend", "There is nobody")
		}
		for _, m := range links.FindAllStringSubmatch(p.doc, -1) {
			todo = append(todo, strings.ReplaceAll(m[1], "&amp;", "&"))
		}
	}
	if len(seen) != 23+3+8 || !seen["/contacts?page=3"] || !seen["/contact?address=a%2b%23x%26y%3dz%40matrix.org"] {
		t.Errorf("found %d pages: %v", len(seen), seen)
	}
}

// TestFormsByTheService presses every button of a box without Blim.
func TestFormsByTheService(t *testing.T) {
	both(t, func(t *testing.T, secured bool) {
		b := newBook(bob, carol, dave)
		v := dial(t, serve(t, b), identity(t), secured)
		check := func(p *shownPage, address string, want pages.Contact, says string) {
			t.Helper()
			p.says(says)
			if got := b.get(address); got != want {
				t.Errorf("%s is now %+v, want %+v", address, got, want)
			}
			if p.Header.Value("wtv-expire-all") != "wtv-messenger:/" {
				t.Errorf("headers %v", p.Header)
			}
		}
		c := bob
		c.Name = "B\u00f6b"
		check(v.get("/contact?address=bob@matrix.org").press("Change name", "name", "B\xf6b"), bob.Address, c, "The name was changed.")
		c.Allowed, c.Blocked = false, true
		p := v.get("/contact?address=bob@matrix.org").press("Block")
		check(p, bob.Address, c, "Nothing from this person will reach you")
		c.Allowed, c.Blocked = true, false
		p = p.press("Unblock")
		check(p, bob.Address, c, "may see when you are here")
		c.Friend, c.Allowed = false, false
		p = p.press("Remove")
		check(p, bob.Address, c, "Removed from your friends.")
		c.Friend, c.Allowed = true, true
		check(p.press("Add to friends"), bob.Address, c, "Added to your friends.")
		d := dave
		d.Allowed = true
		check(v.get("/contact?address=dave@discord.com").press("Allow"), dave.Address, d, "may see when you are here")
		add := v.get("/add")
		add.press("Add this friend", "address", "eve").says("There is nobody with the address eve.", `value="eve"`)
		add.press("Add this friend", "address", bob.Address).says("one of your friends already")
		check(add.press("Add this friend", "address", " eve@matrix.org ", "name", "Eve"), "eve@matrix.org",
			pages.Contact{Address: "eve@matrix.org", Name: "eve@matrix.org", Friend: true, Allowed: true}, "Added to your friends.")
		if e := b.edits[len(b.edits)-1]; e != (pages.Edit{Do: pages.Add, Address: "eve@matrix.org", Name: "Eve"}) {
			t.Errorf("asked to %+v", e)
		}
		set := v.get("/settings")
		p = set.press("Only people I allowed")
		p.says("Your choice is saved.", "Now: only people you have allowed.")
		p.press("Allow everyone").says("Now: everyone")
		set.press("Change name", "name", "Alice A.").says("Friends see your new name", `value="Alice A."`)
		set.press("Change name", "name", "  ").says("Please type the name")
	})
}

// TestOnAndOff: the headers that steer the box (section 9.2).
func TestOnAndOff(t *testing.T) {
	both(t, func(t *testing.T, secured bool) {
		v := dial(t, serve(t, newBook()), identity(t), secured)
		p := v.get("/settings").press("Turn on")
		p.says("Messenger is on.")
		var got wire.Header
		for _, f := range p.Header {
			if strings.HasPrefix(f.Name, "wtv-messenger") || strings.HasSuffix(f.Name, "-domain") || f.Name == "wtv-user-name" {
				got = append(got, f)
			}
		}
		if !slices.Equal(got, wire.Header{
			{Name: "wtv-messenger-authorized", Value: "1"}, {Name: "wtv-messenger-server", Value: "192.0.2.7"},
			{Name: "wtv-messenger-login-url", Value: "wtv-passport:/messengerlogin"}, {Name: "wtv-user-name", Value: "alice"},
			{Name: "wtv-domain", Value: "webtv.local"}, {Name: "passport-domain", Value: "webtv.local"}, {Name: "wtv-messenger-enable", Value: "1"},
		}) {
			t.Errorf("on: %v", got)
		}
		p = p.press("Turn off")
		p.says("Messenger is off.")
		if got := p.Header.Values("wtv-messenger-enable"); !slices.Equal(got, []string{"0"}) || p.Header.Value("wtv-user-name") != "" {
			t.Errorf("off: %v", p.Header)
		}
	})
}

// TestFormsByBlim: where the script has said that Blim is there, the service checks and has it do the change.
func TestFormsByBlim(t *testing.T) {
	b := newBook(bob, carol, dave)
	v := dial(t, serve(t, b), identity(t), true)
	for _, c := range []struct{ address, button, steps, after string }{
		{"carol@webtv.local", "Add to friends", "RBLAFLAAL", "add"},
		{"carol@webtv.local", "Unblock", "RBLAAL", "unblock"},
		{"dave@discord.com", "Allow", "AAL", "unblock"},
		{"bob@matrix.org", "Block", "RALABL", "block"},
		{"dave@discord.com", "Block", "ABL", "block"},
		{"bob@matrix.org", "Remove", "RFLRAL", "remove"},
	} {
		p := v.get("/contact?address="+c.address).press(c.button, "via", "blim")
		p.says(`q="`+c.steps+`"`, `location.href="wtv-messenger:/contact?after=`+c.after+`&address=`+hex(c.address)+`"`, `unescape("`+hex(c.address)+`")`)
	}
	v.get("/contact?address=bob@matrix.org").press("Change name", "via", "blim", "name", "Bo\xe9 \"x\\").says(`u=unescape("Bo%E9%20%22x%5C")`, `q="NAM"`)
	v.get("/add").press("Add this friend", "via", "blim", "address", "eve@matrix.org", "name", "Eve").says(`q="AFLAALNAM"`, `u=unescape("Eve")`)
	v.get("/add").press("Add this friend", "via", "blim", "address", "eve").says("There is nobody")
	v.get("/add").press("Add this friend", "via", "blim", "address", bob.Address).says("already")
	v.get("/settings").press("Only people I allowed", "via", "blim").says(`q="PCL"`, "/settings?after=closed")
	if len(b.edits) != 0 || b.me.Closed {
		t.Errorf("the service itself did %v", b.edits)
	}
	// Where the script comes back to.
	v.get("/contact?after=add&address=bob@matrix.org").says("Added to your friends.")
	p := v.get("/contact?after=block&address=bob@matrix.org")
	p.says("has not done this yet")
	p.silent("onSubmit")
	p.press("Block").says("Nothing from this person")
	p = v.get("/settings?after=closed")
	p.says("has not done this yet")
	p.silent("onSubmit")
	v.get("/settings?after=open").says("Your choice is saved.")
	v.get("/contact?after=rename&address=bob@matrix.org").says("was asked to change the name")
	v.get("/contact?after=nonsense&address=bob@matrix.org").silent("has not done")
}

// hex is what the pages write into scripts and links.
func hex(address string) string {
	return strings.NewReplacer("@", "%40", ".", "%2E").Replace(address)
}

// TestToken: nothing changes but by a form of this sign-on.
func TestToken(t *testing.T) {
	b := newBook(bob)
	addr := serve(t, b)
	me, later := identity(t), identity(t)
	v := dial(t, addr, me, true)
	token := regexp.MustCompile(`name="token" value="([^"]+)"`)
	tokenOf := func(v *tv) string { return token.FindStringSubmatch(v.get("/settings").doc)[1] }
	mine := tokenOf(v)
	if again := tokenOf(dial(t, addr, me, false)); again != mine {
		t.Error("the token changes within a sign-on")
	}
	if other := tokenOf(dial(t, addr, later, true)); other == mine {
		t.Error("the token is that of another sign-on")
	}
	for _, bad := range []string{"", "x", mine[1:], tokenOf(dial(t, addr, later, true))} {
		for path, f := range map[string]url.Values{
			"/edit": {"do": {"block"}, "address": {"bob@matrix.org"}}, "/privacy": {"mode": {"closed"}}, "/switch": {"on": {"0"}}, "/rename": {"name": {"x"}},
		} {
			f.Set("token", bad)
			p := v.post(path, f)
			p.says("Nothing was changed")
			if p.Header.Value("wtv-messenger-enable") != "" {
				t.Errorf("%s steered the box", path)
			}
		}
	}
	f := url.Values{"do": {"block"}, "address": {"bob@matrix.org"}, "token": {mine}}
	v.get("/edit?" + f.Encode()).says("Nothing was changed") // GET
	for path, f := range map[string]url.Values{
		"/edit": {"do": {"format"}, "address": {"bob@matrix.org"}}, "/privacy": {"mode": {"x"}}, "/switch": {"on": {"2"}},
	} {
		f.Set("token", mine)
		v.post(path, f).says("Nothing was changed")
	}
	if b.me.Closed || b.me.Name != "Alice" || len(b.edits) != 0 {
		t.Errorf("changed: %+v %v", b.me, b.edits)
	}
	v.post("/edit", f).says("Nothing from this person will reach you")
}

// TestNobody: without a ticket that opens nothing of the account is shown.
func TestNobody(t *testing.T) {
	b := newBook(bob)
	addr := serve(t, b)
	foreign, err := client.NewIdentity(sec.Key{2, 4, 6}, ssid, 0)
	if err != nil {
		t.Fatal(err)
	}
	none, unnamed := identity(t), identity(t)
	none.Ticket, unnamed.SSID = "", ""
	for name, id := range map[string]*client.Identity{"other key": foreign, "no ticket": none, "no serial number": unnamed} {
		v := dial(t, addr, id, false)
		for path := range everyPage {
			if p := v.get(path); !strings.HasPrefix(path, "/help") {
				p.says("could not recognize your box")
				p.silent("Alice", "Bob", "token")
			}
		}
		v.post("/edit", url.Values{"do": {"block"}, "address": {bob.Address}}).says("could not recognize your box")
		if r, err := v.Get(t.Context(), "wtv-messenger:/addresslist"); err != nil || r.Status != 200 || len(r.Body) != 0 {
			t.Errorf("%s: address list %+v, %v", name, r, err)
		}
	}
	dial(t, addr, unnamed, true).get("/").says("could not recognize your box")
	if len(b.edits) != 0 {
		t.Errorf("changed: %v", b.edits)
	}
}

func TestUnlinked(t *testing.T) {
	b := newBook(bob)
	id, err := client.NewIdentity(key, ssid, 2)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, b)
	both(t, func(t *testing.T, secured bool) {
		v := dial(t, addr, id, secured)
		b.self = false
		p := v.get("/contacts")
		p.says("Ask the operator", ssid, "<b>2</b>")
		p.silent("Bob", "token")
		b.self = true
		v.get("/").says("Turn Messenger on in the settings of your WebTV service")
	})
}

func TestTrouble(t *testing.T) {
	b := newBook(bob)
	v := dial(t, serve(t, b), identity(t), true)
	b.fail = errors.New("the disk is full of secrets")
	for _, path := range []string{"/", "/contacts", "/add", "/addresslist"} {
		r, err := v.Get(t.Context(), pages.Name+":"+path)
		if err != nil || r.Status != 500 || strings.Contains(string(r.Body)+r.Text, "secrets") {
			t.Errorf("%s: %+v, %v", path, r, err)
		}
	}
	if r, err := v.Get(t.Context(), pages.Name+":/nowhere"); err != nil || r.Status != 404 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAddressList is section 12.4: name NUL address NUL.
func TestAddressList(t *testing.T) {
	zoe := pages.Contact{Address: "zoe@matrix.org", Name: "Zoë Дмитриева", Friend: true}
	v := dial(t, serve(t, newBook(bob, carol, zoe)), identity(t), true)
	r, err := v.Get(t.Context(), "wtv-messenger:/addresslist")
	if err != nil || r.ContentType != "x-wtv-addresses" || string(r.Body) != "Bob\x00bob@matrix.org\x00Zo\xeb Dmitrieva\x00zoe@matrix.org\x00" {
		t.Errorf("%+v %q, %v", r, r.Body, err)
	}
	var many []pages.Contact
	for i := range 600 {
		many = append(many, pages.Contact{Address: strings.Repeat("a", i%100) + string(rune('a'+i/100)) + "@matrix.org", Name: strings.Repeat("n", 129), Friend: true})
	}
	v = dial(t, serve(t, newBook(many...)), identity(t), true)
	if r, err = v.Get(t.Context(), "wtv-messenger:/addresslist"); err != nil || len(r.Body) > pages.MaxAddresses || len(r.Body) < pages.MaxAddresses-300 {
		t.Errorf("%d bytes, %v", len(r.Body), err)
	}
	if n := strings.Count(string(r.Body), "\x00"); n%2 != 0 || r.Body[len(r.Body)-1] != 0 {
		t.Errorf("%d NULs", n)
	}
}
