package pages

import (
	"errors"
	"strings"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// change.go: what forms do. They carry the token, which was looked at before.

// viaBlim is what the script of a page puts into the field "via" where the box's Messenger is running.
const viaBlim = "blim"

// split tells a problem of the user's from one of ours.
func split(err error) (problem string, ours error) {
	var p *Problem
	if errors.As(err, &p) {
		return p.Text, nil
	}
	return "", err
}

// edit changes the lists.
func (v *visit) edit() (*server.Response, error) {
	e := Edit{Do: Verb(v.form["do"]), Name: v.form["name"]}
	if notes[e.Do] == "" {
		return v.show("problem.html", view{Title: "Nothing was changed"})
	}
	c, problem, err := v.find(v.form["address"])
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return v.show("add.html", view{Title: "Add a friend", Problem: problem, Typed: v.form})
	}
	e.Address = c.Address
	problem = refused(e, c)
	if problem == "" {
		if v.form["via"] == viaBlim {
			return v.changed("script.html", view{Title: "One moment", Contact: c, Script: editScript(e, c)})
		}
		if problem, err = split(v.acct.Edit(v.ctx, e)); err != nil {
			return nil, err
		}
	}
	if problem != "" && v.form["from"] == "add" {
		return v.show("add.html", view{Title: "Add a friend", Problem: problem, Typed: v.form})
	}
	w := view{Problem: problem}
	if problem == "" {
		w.Note = notes[e.Do]
	}
	var gone string
	if w.Contact, gone, err = v.find(e.Address); err != nil {
		return nil, err
	}
	if gone != "" { // off all lists, and of a network that is switched off
		w.Contact = Contact{Address: c.Address, Name: c.Name}
	}
	w.Title = titleOf(w.Contact)
	return v.changed("contact.html", w)
}

// refused says why an edit makes no sense, "" if it does.
func refused(e Edit, c Contact) string {
	switch {
	case e.Do == Rename && e.Name == "":
		return "Please type the name that you want to see for this person."
	case e.Do == Rename && !c.Listed() && !c.AddedMe:
		return "This person is not on your list."
	case e.Do == Add && c.Friend && !c.Blocked:
		return "This person is one of your friends already."
	case e.Do == Remove && e.Do.done(c):
		return "This person is not one of your friends."
	case e.Do == Block && c.Blocked:
		return "This person is blocked already."
	case e.Do == Unblock && e.Do.done(c):
		return "This person is allowed already."
	}
	return ""
}

// privacy sets who may write.
func (v *visit) privacy() (*server.Response, error) {
	mode := v.form["mode"]
	if mode != "open" && mode != "closed" {
		return v.show("problem.html", view{Title: "Nothing was changed"})
	}
	if v.form["via"] == viaBlim {
		return v.changed("script.html", view{Title: "One moment", Script: privacyScript(mode)})
	}
	if err := v.acct.SetClosed(v.ctx, mode == "closed"); err != nil {
		return nil, err
	}
	v.me.Closed = mode == "closed"
	return v.changed("settings.html", view{Title: "Settings", Note: "Your choice is saved."})
}

// rename changes the account's own name.
func (v *visit) rename() (*server.Response, error) {
	name := v.form["name"]
	if name == "" {
		return v.show("settings.html", view{Title: "Settings", Problem: "Please type the name that friends shall see."})
	}
	if err := v.acct.Rename(v.ctx, name); err != nil {
		return nil, err
	}
	var err error
	if v.me, err = v.acct.Overview(v.ctx); err != nil {
		return nil, err
	}
	return v.changed("settings.html", view{Title: "Settings", Note: "Friends see your new name from now on."})
}

// onOff turns the box's Messenger on or off, by headers (section 9.2). What the box is told at its next sign-on is its WebTV
// server's affair.
func (v *visit) onOff() (*server.Response, error) {
	w := view{Title: "Settings", On: v.form["on"]}
	switch w.On {
	case "1":
		w.Note = "Messenger is on. It signs in now, which can take a minute."
		return v.changed("settings.html", w, v.messengerHeaders()...)
	case "0":
		w.Note = "Messenger is off. What friends write meanwhile is kept for you."
		return v.changed("settings.html", w, wire.Field{Name: "wtv-messenger-enable", Value: "0"})
	}
	return v.show("problem.html", view{Title: "Nothing was changed"})
}

// messengerHeaders are those that a box needs to sign in, as a login answer has them. The address is the one that messengerlogin
// will insist on.
func (v *visit) messengerHeaders() []wire.Field {
	local, domain, _ := strings.Cut(v.me.Address, "@")
	h := []wire.Field{{Name: "wtv-messenger-authorized", Value: "1"}}
	if v.o.MessengerServer != "" {
		// A host alone is what boxes are known to understand (section 9.2), and that is the port they use then.
		h = append(h, wire.Field{Name: "wtv-messenger-server", Value: strings.TrimSuffix(v.o.MessengerServer, ":1863")})
	}
	return append(h,
		wire.Field{Name: "wtv-messenger-login-url", Value: "wtv-passport:/messengerlogin"},
		wire.Field{Name: "wtv-user-name", Value: local},
		wire.Field{Name: "wtv-domain", Value: domain},
		wire.Field{Name: "passport-domain", Value: domain},
		wire.Field{Name: "wtv-messenger-enable", Value: "1"})
}
