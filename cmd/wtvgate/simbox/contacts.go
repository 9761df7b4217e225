package simbox

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/wire"
)

// contact is somebody on a list.
type contact struct {
	address, name string
	lists         wire.Lists
	status        wire.Status
}

// person is a name with its address, clean.
func person(name, address string) string {
	name, address = Clean(name, maxName), Clean(address, maxName)
	if name == "" || strings.EqualFold(name, address) {
		return address
	}
	return name + " (" + address + ")"
}

// short is the name alone.
func short(name, address string) string {
	if name = Clean(name, maxName); name != "" {
		return name
	}
	return Clean(address, maxName)
}

func (c *contact) asks() bool {
	return c.lists.Has(wire.Reverse) && !c.lists.Has(wire.Allow) && !c.lists.Has(wire.Block)
}

// take makes the lists those of a roster.
func (b *Box) take(r msnp.Roster) {
	clear(b.contacts)
	b.order = b.order[:0]
	for _, c := range r.Contacts {
		if k := b.known(c.Address, c.Name); k != nil {
			k.lists = c.Lists
		}
	}
}

// known gives a contact, new if need be; nil if there are too many.
func (b *Box) known(address, name string) *contact {
	address = strings.ToLower(address)
	c := b.contacts[address]
	if c == nil {
		if len(b.contacts) >= maxContacts {
			return nil
		}
		c = &contact{address: address, status: wire.Offline}
		b.contacts[address] = c
		b.order = append(b.order, address)
	}
	if name != "" {
		c.name = name
	}
	return c
}

// nameOf is how somebody is called here.
func (b *Box) nameOf(address string) string {
	if c := b.contacts[strings.ToLower(address)]; c != nil {
		return short(c.name, address)
	}
	return short("", address)
}

func (b *Box) friends() (all []*contact) {
	for _, a := range b.order {
		if c := b.contacts[a]; c.lists.Has(wire.Forward) {
			all = append(all, c)
		}
	}
	return all
}

// askAll asks about all who wait for an answer.
func (b *Box) askAll() {
	for _, a := range b.order {
		if c := b.contacts[a]; c.asks() {
			b.ask(c)
		}
	}
}

func (b *Box) ask(c *contact) {
	b.happened("* %s has added you: /allow %s, /add %s or /block %s", person(c.name, c.address),
		Clean(c.address, maxName), Clean(c.address, maxName), Clean(c.address, maxName))
}

// notice shows what the notification server says.
func (b *Box) notice(ctx context.Context, e msnp.Event) {
	switch e := e.(type) {
	case msnp.Presence:
		b.presence(e)
	case msnp.Added:
		b.added(e)
	case msnp.Removed:
		b.removed(e)
	case msnp.Ringing:
		b.ring(ctx, e)
	case msnp.SystemMessage:
		if e.Minutes > 0 {
			b.happened("* the gateway stops in %d minutes", e.Minutes)
		}
	case msnp.Kicked:
		b.kicked(e.Reason)
	case msnp.Closed:
		b.offline(e.Err)
	}
}

func (b *Box) presence(e msnp.Presence) {
	c := b.known(e.Address, e.Name)
	if c == nil || c.status == e.Status {
		return
	}
	c.status = e.Status
	b.happened("* %s is %s", short(c.name, c.address), b.state(e.Status))
}

// states are the codes in words; the mark stands in the list.
var states = map[wire.Status]struct{ mark, word string }{
	wire.Online: {"+", "online"}, wire.Offline: {"-", "offline"}, wire.Busy: {"!", "busy"}, wire.Idle: {"~", "idle"},
	wire.BackBRB: {"~", "back in a moment"}, wire.Away: {"~", "away"}, wire.Phone: {"!", "on the phone"}, wire.Lunch: {"~", "at lunch"},
}

func (b *Box) state(s wire.Status) string {
	if known, ok := states[s]; ok {
		return known.word
	}
	return Clean(string(s), maxName)
}

func (b *Box) added(e msnp.Added) {
	c := b.known(e.Address, e.Name)
	if c == nil {
		return
	}
	c.lists = c.lists.With(e.List)
	switch {
	case e.List != wire.Reverse:
		b.happened("* the gateway put %s on %s", person(c.name, c.address), listWords[e.List])
	case c.asks():
		b.ask(c)
	default:
		b.happened("* %s has added you", person(c.name, c.address))
	}
}

func (b *Box) removed(e msnp.Removed) {
	c := b.known(e.Address, "")
	if c == nil {
		return
	}
	c.lists = c.lists.Without(e.List)
	if e.List == wire.Reverse {
		b.happened("* %s no longer has you on the list", person(c.name, c.address))
		return
	}
	b.happened("* the gateway took %s off %s", person(c.name, c.address), listWords[e.List])
}

var listWords = map[wire.List]string{wire.Forward: "your list of friends", wire.Allow: "those who may write to you", wire.Block: "those you block"}

// list shows everybody with a number, friends first.
func (b *Box) list() {
	b.number()
	if len(b.numbers) == 0 {
		b.tell("nobody is on your lists yet; /add ADDRESS adds a friend")
		return
	}
	for i, a := range b.numbers {
		c := b.contacts[a]
		mark := " "
		var notes []string
		switch {
		case c.lists.Has(wire.Forward):
			mark = states[c.status].mark
			notes = append(notes, b.state(c.status))
		default:
			notes = append(notes, "not a friend")
		}
		if c.lists.Has(wire.Block) {
			notes = append(notes, "blocked")
		}
		if c.asks() {
			notes = append(notes, "has added you and waits")
		}
		b.o.Screen.Line(fmt.Sprintf("%3d %1s %s: %s", i+1, mark, person(c.name, c.address), strings.Join(notes, ", ")))
	}
}

// number gives everybody on a list a number that lasts until the next time.
func (b *Box) number() {
	b.numbers = b.numbers[:0]
	for _, friend := range []bool{true, false} {
		for _, a := range b.order {
			if c := b.contacts[a]; c.lists != 0 && c.lists.Has(wire.Forward) == friend {
				b.numbers = append(b.numbers, a)
			}
		}
	}
}

// whom reads a number of the list, an address, or a name that only one has.
func (b *Box) whom(text string) (string, error) {
	if len(b.numbers) == 0 {
		b.number()
	}
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > len(b.numbers) {
			return "", fmt.Errorf("there is no number %d in the list; /list shows it", n)
		}
		return b.numbers[n-1], nil
	}
	if strings.Contains(text, "@") {
		return strings.ToLower(text), nil
	}
	var found []string
	for _, a := range b.order {
		if strings.EqualFold(b.contacts[a].name, text) {
			found = append(found, a)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return "", fmt.Errorf("%q is no address, no number of /list and no name that one friend has", Clean(text, maxName))
}

// edit is one step of a change of the lists.
type edit struct {
	add  bool
	list wire.List
}

// Steps of the stock pages (msnp.md 17.4): first off the opposite list.
var (
	stepsAdd    = []edit{{true, wire.Forward}, {false, wire.Block}, {true, wire.Allow}}
	stepsRemove = []edit{{false, wire.Forward}, {false, wire.Allow}}
	stepsBlock  = []edit{{false, wire.Allow}, {true, wire.Block}}
	stepsAllow  = []edit{{false, wire.Block}, {true, wire.Allow}}
)

// change makes those steps that change something.
func (b *Box) change(ctx context.Context, address string, steps []edit) error {
	did := false
	for _, s := range steps {
		c := b.contacts[address]
		if has := c != nil && c.lists.Has(s.list); has == s.add {
			continue
		}
		var err error
		if s.add {
			var ch msnp.Change
			ch, err = b.ns.Add(ctx, s.list, address, "", -1)
			if err == nil {
				if c = b.known(address, ch.Name); c != nil {
					c.lists = c.lists.With(s.list)
				}
			}
		} else if _, err = b.ns.Remove(ctx, s.list, address, -1); err == nil {
			c.lists = c.lists.Without(s.list)
		}
		if err != nil {
			return err
		}
		did = true
	}
	if !did {
		return fmt.Errorf("nothing to change for %s", b.nameOf(address))
	}
	return nil
}

// statusOf finds a presence code by the word that a command has.
func statusOf(word string) (wire.Status, bool) {
	words := map[string]wire.Status{"online": wire.Online, "away": wire.Away, "busy": wire.Busy, "hidden": wire.Hidden,
		"idle": wire.Idle, "brb": wire.BackBRB, "phone": wire.Phone, "lunch": wire.Lunch}
	s, ok := words[word]
	return s, ok
}

// inList tells whether an address is in a group of people.
func inList(all []msnp.Person, address string) bool {
	return slices.ContainsFunc(all, func(p msnp.Person) bool { return strings.EqualFold(p.Address, address) })
}
