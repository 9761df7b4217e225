package pages

import (
	"strconv"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// show.go: pages that change nothing.

func (v *visit) home() (*server.Response, error) {
	all, err := v.acct.Contacts(v.ctx)
	if err != nil {
		return nil, err
	}
	return v.show("home.html", view{Title: "Messenger", Asking: asking(all)})
}

func asking(all []Contact) (n int) {
	for _, c := range all {
		if c.Asks() {
			n++
		}
	}
	return n
}

func (v *visit) contacts() (*server.Response, error) {
	all, err := v.acct.Contacts(v.ctx)
	if err != nil {
		return nil, err
	}
	w := view{Title: "Friends", Last: max(1, (len(all)+PerPage-1)/PerPage), Asking: asking(all)}
	n, _ := strconv.Atoi(query(v.r)["page"])
	w.Page = min(max(n, 1), w.Last)
	from := (w.Page - 1) * PerPage
	w.Contacts = all[from:min(from+PerPage, len(all))]
	return v.show("contacts.html", w)
}

func (v *visit) contact() (*server.Response, error) {
	q := query(v.r)
	c, problem, err := v.find(q["address"])
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return v.show("add.html", view{Title: "Add a friend", Problem: problem, Typed: q})
	}
	w := view{Title: titleOf(c), Contact: c}
	if after := Verb(q["after"]); after != "" { // from the script that had Blim make a change
		w.outcome(after)
	}
	return v.show("contact.html", w)
}

// find is Find with the user's problem told apart from ours.
func (v *visit) find(typed string) (c Contact, problem string, err error) {
	c, err = v.acct.Find(v.ctx, typed)
	problem, err = split(err)
	return c, problem, err
}

// titleOf is the title of the page about somebody.
func titleOf(c Contact) string {
	if c.Friend {
		return "Friend"
	}
	return "Contact"
}

// outcome says whether the box's Messenger has done what it was asked to.
func (w *view) outcome(after Verb) {
	switch {
	case after == Rename:
		w.Note = "Your Messenger was asked to change the name. It is shown here as the service has it now."
	case after.done(w.Contact):
		w.Note = notes[after]
	case notes[after] != "":
		w.Problem = "Your Messenger has not done this yet. Please try once more: now the service does it."
		w.ByService = true
	}
}

// notes say what was done.
var notes = map[Verb]string{
	Add:     "Added to your friends.",
	Remove:  "Removed from your friends.",
	Block:   "Blocked. Nothing from this person will reach you, and they are not told.",
	Unblock: "This person may see when you are here and write to you.",
	Rename:  "The name was changed.",
}

func (v *visit) add() (*server.Response, error) {
	return v.show("add.html", view{Title: "Add a friend", Typed: form{}})
}

func (v *visit) settings() (*server.Response, error) {
	w := view{Title: "Settings"}
	switch after := query(v.r)["after"]; {
	case after == "closed" && v.me.Closed, after == "open" && !v.me.Closed:
		w.Note = "Your choice is saved."
	case after == "closed", after == "open":
		w.Problem = "Your Messenger has not done this yet. Please try once more: now the service does it."
		w.ByService = true
	}
	return v.show("settings.html", w)
}

// maxNetworks is how many networks the page shows: more than there are.
const maxNetworks = 12

func (v *visit) networks() (*server.Response, error) {
	v.me.Networks = v.me.Networks[:min(len(v.me.Networks), maxNetworks)]
	return v.show("networks.html", view{Title: "Networks"})
}

func (v *visit) log() (*server.Response, error) {
	return v.show("log.html", view{Title: "Messenger's log"})
}

func (p *pages) help(r *server.Request) (*server.Response, error) {
	name := "help.html"
	if query(r)["topic"] == "friends" {
		name = "help_friends.html"
	}
	return p.send(name, view{Title: "Help"})
}

// addressList is the box's address book (section 12.4): the friends, for those who can be written to from elsewhere too.
func (v *visit) addressList() (*server.Response, error) {
	all, err := v.acct.Contacts(v.ctx)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, c := range all {
		if !c.Friend {
			continue
		}
		n := len(b)
		b = append(append(b, encode(v.pages.r.line(c.Name))...), 0)
		b = append(append(b, encode(c.Address)...), 0)
		if len(b) > MaxAddresses {
			b = b[:n]
			break
		}
	}
	return addresses(b), nil
}

func addresses(list []byte) *server.Response {
	return &server.Response{Status: 200, Text: "OK", Header: wire.Header{{Name: "Expires", Value: noCache}},
		ContentType: "x-wtv-addresses", Body: list}
}
