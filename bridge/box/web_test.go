package box

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/service"
	"wtvgate/wtvp/service/pages"
)

// browser is a box that looks at the pages.
type browser struct {
	t     *testing.T
	c     *wtvp.Conn
	token string
}

// browse connects the box of that name, as its own user 0.
func (r *rig) browse(name string, secured bool) *browser {
	r.t.Helper()
	ident, err := wtvp.NewIdentity(r.key, ssid(name), 0)
	if err != nil {
		r.t.Fatal(err)
	}
	dial := wtvp.DialPlain
	if secured {
		dial = wtvp.Dial
	}
	c, err := dial(r.t.Context(), r.wtvp, ident)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return &browser{t: r.t, c: c}
}

// reads loads a page and wants texts on it.
func (b *browser) reads(path string, want ...string) string {
	b.t.Helper()
	resp, err := b.c.Get(b.t.Context(), pages.Name+":"+path)
	return b.shows(path, resp, err, want)
}

func (b *browser) shows(path string, resp *wtvp.Response, err error, want []string) string {
	b.t.Helper()
	if err != nil || resp.Status != 200 {
		b.t.Fatalf("%s: %+v, %v", path, resp, err)
	}
	for _, w := range want {
		if !strings.Contains(string(resp.Body), w) {
			b.t.Errorf("%s does not say %q:\n%s", path, w, resp.Body)
		}
	}
	return string(resp.Body)
}

// posts sends a form and wants texts on the page that answers it.
func (b *browser) posts(form, want string) string {
	b.t.Helper()
	if b.token == "" {
		m := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(b.reads("/settings"))
		if m == nil {
			b.t.Fatal("no token")
		}
		b.token = m[1]
	}
	path, body, _ := strings.Cut(form, "?")
	resp, err := b.c.Post(b.t.Context(), pages.Name+":"+path, []byte(body+"&token="+url.QueryEscape(b.token)))
	return b.shows(form, resp, err, []string{want})
}

// version is that of an account's lists in the store.
func (r *rig) version(name string) uint32 {
	r.t.Helper()
	roster, err := r.hub.Roster(r.t.Context(), acct(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return roster.Version
}

// on tells which lists of alice somebody is on in the store.
func (r *rig) on(peer id.Address) wire.Lists {
	r.t.Helper()
	c, _, err := r.st.Contact(r.t.Context(), acct("alice"), peer)
	if err != nil {
		r.t.Fatal(err)
	}
	return wire.Lists(c.Lists)
}

// hears wants the next changes of lists and presences that the client is told.
func (b *box) hears(want ...string) {
	b.t.Helper()
	for timeout := time.After(patience); len(want) > 0; {
		var got string
		select {
		case e := <-b.Events():
			switch e := e.(type) {
			case msnp.Added:
				got = "ADD " + e.List.String() + " " + e.Address
			case msnp.Removed:
				got = "REM " + e.List.String() + " " + e.Address
			case msnp.Presence:
				got = string(e.Status) + " " + e.Address + " " + e.Name
			}
		case <-timeout:
			b.t.Fatalf("waiting for %q", want)
		}
		if got == "" {
			continue
		}
		if got != want[0] {
			b.t.Fatalf("heard %q, want %q", got, want[0])
		}
		want = want[1:]
	}
}

// TestPagesChangeTheLists: every form changes the store, and the signed-in box hears of it.
func TestPagesChangeTheLists(t *testing.T) {
	for _, secured := range []bool{true, false} {
		r := newRig(t)
		r.becomes("bob", bridge.PresenceOnline)
		b := r.online("alice", wire.MSNP8)
		tv := r.browse("alice", secured)
		tv.reads("/", "<b>Alice</b>", "alice@webtv.local", "Your Messenger is signed in.")
		last := r.version("alice")
		newer := func(what string) {
			t.Helper()
			if v := r.version("alice"); v <= last {
				t.Errorf("%s: version %d after %d", what, v, last)
			} else {
				last = v
			}
		}
		tv.posts("/edit?do=add&address=Bob@test.example&name=Bobby", "Added to your friends.")
		b.hears("ADD FL "+bob, "ADD AL "+bob, "NLN "+bob+" Bobby")
		r.asked("invite bob")
		if l := r.on(bob); l != wire.Lists(wire.Forward|wire.Allow) {
			t.Errorf("bob is on %v", l)
		}
		newer("add")
		tv.posts("/edit?do=rename&address="+bob+"&name=Bob%E9", "The name was changed.")
		b.hears("NLN " + bob + " Bobé")
		newer("rename")
		tv.posts("/edit?do=block&address="+bob, "Blocked.")
		b.hears("REM AL "+bob, "ADD BL "+bob)
		newer("block")
		tv.posts("/edit?do=add&address="+bob, "Added to your friends.")
		b.hears("REM BL "+bob, "ADD AL "+bob)
		newer("add again")
		tv.posts("/edit?do=remove&address="+bob, "Removed from your friends.")
		b.hears("REM FL "+bob, "REM AL "+bob)
		newer("remove")
		if l := r.on(bob); l != 0 {
			t.Errorf("bob is on %v", l)
		}
		tv.posts("/privacy?mode=closed", "only people you have allowed")
		newer("closed")
		tv.posts("/rename?name=Alice+B.", `value="Alice B."`)
		newer("own name")
		roster, err := b.Sync(t.Context(), 0)
		if err != nil || roster.Privacy != "BL" || roster.Version != last || len(roster.Contacts) != 0 {
			t.Errorf("the box reads %+v, %v; the version is %d", roster, err, last)
		}
		if _, err := b.SetPrivacy(t.Context(), "BL"); err == nil {
			t.Error("the session does not know of the mode")
		} else {
			refused(t, err, wire.ErrAlreadyInMode)
		}
	}
}

// TestPagesPrivacyIsSeen: what a page decides is what others see.
func TestPagesPrivacyIsSeen(t *testing.T) {
	r := newRig(t)
	c := r.online("carol", wire.MSNP8)
	c.add(wire.Forward, "alice@webtv.local")
	r.online("alice", wire.MSNP6)
	c.hears("NLN alice@webtv.local Alice")
	tv := r.browse("alice", true)
	tv.reads("/", "New: 1 waiting for your answer")
	tv.posts("/privacy?mode=closed", "Your choice is saved.")
	c.hears("FLN alice@webtv.local ")
	tv.posts("/edit?do=unblock&address=carol@webtv.local", "May write to you.") // the button says Allow
	c.hears("NLN alice@webtv.local Alice")
	tv.posts("/edit?do=block&address=carol@webtv.local", "Blocked.")
	c.hears("FLN alice@webtv.local ")
	tv.posts("/privacy?mode=open", "everyone whom you have not blocked")
	none[msnp.Presence](c)
	tv.posts("/rename?name=Al", "new name")
	tv.posts("/edit?do=unblock&address=carol@webtv.local", "May write to you.")
	c.hears("NLN alice@webtv.local Al")
	if got := r.on("carol@webtv.local"); got != wire.Lists(wire.Allow|wire.Reverse) {
		t.Errorf("carol is on %v", got)
	}
}

// TestPagesRefuse: what an address has wrong is said in words, and nothing changes.
func TestPagesRefuse(t *testing.T) {
	r := newRig(t)
	tv := r.browse("alice", true)
	before := r.version("alice")
	for typed, want := range map[string]string{
		"":                                      "Please type the address",
		"bob":                                   "what stands behind it are missing",
		"@bob":                                  "does not begin with @",
		"b ob@test.example":                     "has no blanks",
		"böb@test.example":                      "with plain letters and digits",
		"a@b@c":                                 "This is not an address.",
		"bob@nowhere.example":                   "Nobody can be reached at &#34;nowhere.example&#34;",
		"nobody@test.example":                   "There is nobody with the address nobody@test.example.",
		"ghost@webtv.local":                     "There is nobody",
		"alice@webtv.local":                     "This is your own address.",
		strings.Repeat("x", 140):                "are missing",
		strings.Repeat("x", 140) + "@y.example": "This address is too long.",
	} {
		got := tv.posts("/edit?do=add&from=add&address="+url.QueryEscape(typed), want)
		if !strings.Contains(got, `value="`+strings.ReplaceAll(typed, "ö", "\xf6")+`"`) {
			t.Errorf("%q is not in the field again:\n%s", typed, got)
		}
	}
	for form, want := range map[string]string{
		"do=remove&address=" + bob:         "is not one of your friends",
		"do=rename&name=x&address=" + bob:  "is not on your list",
		"do=unblock&address=nobody@x.test": "Nobody can be reached",
	} {
		tv.posts("/edit?"+form, want)
	}
	if v := r.version("alice"); v != before {
		t.Errorf("version %d after %d", v, before)
	}
	// The ways people write addresses.
	for _, typed := range []string{"@bob:test.example", "https://matrix.to/#/@Bob:test.example", " bob@TEST.example "} {
		tv.posts("/edit?do=add&address="+url.QueryEscape(typed), "Added to your friends.")
		tv.posts("/edit?do=remove&address="+bob, "Removed")
	}
}

// TestPagesFullList: who does not fit is not unblocked on the way.
func TestPagesFullList(t *testing.T) {
	r := newRig(t)
	err := r.st.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 600 {
			c := store.Contact{Address: id.Address("f" + strings.Repeat("x", i/26) + string(rune('a'+i%26)) + "@test.example"), Name: "n", Lists: store.ForwardList}
			if _, err := tx.PutContact(acct("alice"), c); err != nil {
				return err
			}
		}
		_, err := tx.PutContact(acct("alice"), store.Contact{Address: bob, Name: "Bob", Lists: store.BlockList})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tv := r.browse("alice", true)
	tv.posts("/edit?do=add&address="+bob, "Your list is full.")
	if l := r.on(bob); l != wire.Lists(wire.Block) {
		t.Errorf("bob is on %v", l)
	}
	tv.reads("/contacts", "Page 1 of 76")
	tv.reads("/contacts?page=76", ">Bob</b>")
}

// TestPagesShowWhoIsWho: order, names and networks.
func TestPagesShowWhoIsWho(t *testing.T) {
	r := newRig(t)
	r.writes("alice", "hello") // bob is on the reverse list now
	r.becomes("online", bridge.PresenceIdle)
	for _, a := range []string{"online@test.example", "carol@webtv.local", "zed@test.example"} {
		if _, _, err := r.hub.AddContact(t.Context(), acct("alice"), id.Address(a), "", uint8(wire.Forward), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.hub.AddContact(t.Context(), acct("alice"), "a@test.example", "Дмитрий <b>", uint8(wire.Block), nil); err != nil {
		t.Fatal(err)
	}
	tv := r.browse("alice", false)
	list := tv.reads("/contacts", "has added you", "Dmitrii &lt;b&gt;", ">online<", "blocked")
	at := -1
	for _, a := range []string{"bob@", "online@", "carol@", "zed@", "a@test"} {
		i := strings.Index(list, ">"+a)
		if i <= at {
			t.Errorf("%s at %d, after %d:\n%s", a, i, at, list)
		}
		at = i
	}
	tv.reads("/contact?address=carol@webtv.local", "On this service.", "One of your friends, offline.")
	tv.reads("/contact?address="+bob, "Has added you and waits")
	tv.reads("/networks", "<b>loopback</b>", "<b>test</b>")
	tv.reads("/", "Your Messenger is not signed in.")
	tv.reads("/add", "name@webtv.local")
}

// TestPagesKeepWhoIsOutOfReach: a contact whose network was switched off is shown, and may be removed.
func TestPagesKeepWhoIsOutOfReach(t *testing.T) {
	r := newRig(t)
	err := r.st.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.PutContact(acct("alice"), store.Contact{Address: "old@gone.example", Name: "Old", Lists: store.ForwardList | store.AllowList})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tv := r.browse("alice", true)
	tv.reads("/contacts", ">Old</b>", "offline")
	tv.reads("/contact?address=old@gone.example", "One of your friends, offline.")
	tv.posts("/edit?do=rename&name=Older&address=old@gone.example", ">Older</b>")
	tv.posts("/edit?do=block&address=old@gone.example", "Nobody can be reached")
	if l := r.on("old@gone.example"); l != wire.Lists(wire.Forward|wire.Allow) {
		t.Errorf("on %v", l)
	}
	tv.posts("/edit?do=remove&address=old@gone.example", "Removed from your friends.")
	if l := r.on("old@gone.example"); l != 0 {
		t.Errorf("still on %v", l)
	}
}

// TestPagesOfUnlinkedBoxes: a page is no sign-in and makes no account.
func TestPagesOfUnlinkedBoxes(t *testing.T) {
	for _, first := range []bool{false, true} {
		r := newRig(t, func(o *Options) { o.FirstBox = first })
		want := "Ask the operator"
		if first {
			want = "signed in for the first time"
		}
		page := r.browse("xavier", true).reads("/", want, ssid("xavier"))
		if strings.Contains(page, "token") {
			t.Errorf("a stranger's page has a token:\n%s", page)
		}
		if infos, err := r.hub.AccountInfos(t.Context()); err != nil || len(infos) != 3 {
			t.Errorf("%d accounts, %v", len(infos), err)
		}
	}
}

// TestPagesErrors: a failing store is a technical problem and no words for users.
func TestPagesErrors(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.gw.Pages().Account(ctx, service.Box{SSID: ssid("alice")}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	a := webAccount{r.gw, acct("gone")}
	var p *pages.Problem
	for what, f := range map[string]func() error{
		"overview": func() error { _, err := a.Overview(t.Context()); return err },
		"contacts": func() error { _, err := a.Contacts(t.Context()); return err },
		"find":     func() error { _, err := a.Find(t.Context(), bob); return err },
		"edit":     func() error { return a.Edit(t.Context(), pages.Edit{Do: pages.Add, Address: bob}) },
		"closed":   func() error { return a.SetClosed(t.Context(), true) },
		"rename":   func() error { return a.Rename(t.Context(), "x") },
	} {
		if err := f(); err == nil || errors.As(err, &p) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := (webAccount{r.gw, acct("alice")}).Edit(t.Context(), pages.Edit{Do: "format", Address: bob}); err == nil || errors.As(err, &p) {
		t.Errorf("unknown verb: %v", err)
	}
}
