package helper

import (
	"fmt"
	"strings"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// texts.go: everything the helper says, and nothing else. A message is at most
// three lines of fifty characters (lines.go); sentences are broken there. No line
// begins with a word that is a command (command.go).

// displayName is what boxes show the helper as.
const displayName = "Helper"

const (
	textNotRunning = "the gateway is starting"
	textFailed     = "the gateway could not do that now"

	textMenu = "Type a word or its number:\n" +
		"1 add, 2 who, 3 join, 4 mute, 5 find,\n" +
		"6 status, 7 whoami, 8 settings, 9 more"
	textUnknown = "I only know a few words. Type help to see them."
	textQuiet   = "That is no word of mine either. I will be quiet until you type help."
	textSlow    = "That was a lot at once. Please wait a minute."
	textHello   = "Hello! Type help to see what I can do."

	textAdd     = "To add a friend, type add and the address:\n"
	textMute    = "To mute somebody, type mute and the name. They do not learn of it. To undo it: unmute and the name."
	textFind    = "To find somebody, type find and a name."
	textNoMore  = "There is nothing more. All messages were shown."
	textNobody  = "Your list is empty. Type add to put somebody on it."
	textOnlyUs  = "This gateway is up. It is connected to no other network."
	textSetHow  = "To change one, type set, the word and the value."
	textNoSet   = "There is nothing to set here yet."
	textOpen    = "Who may write to you: everyone but those you muted."
	textClosed  = "Who may write to you: only people you allowed."
	textMyself  = "I am always here. Take me off your list to have peace."
	textSelf    = "That is your own address."
	textNoForm  = "An address looks like bob@example.org."
	textNoWhere = "Nobody here can reach that address. Please check the part after the @."
	textFull    = "Your list is full. Take somebody off it first."
	textOpposed = "You muted them. Type unmute and the name first."
)

func textGreeting(name string) string {
	return fmt.Sprintf("Hello %s! I am the gateway you are signed in to. Type help to see what I can do.", clip(name, 30))
}

// textAddHow names an address of an account, and of other networks as many as there
// is room for.
func textAddHow(domain string, more []string) string {
	examples := append([]string{"carol@" + domain}, more...)
	return textAdd + strings.Join(examples[max(0, len(examples)-2):], "\nor ")
}

func textJoin(room string) string {
	return "To join a room, type join and its address, such as: join " + room
}

func textNoRoom(room string) string {
	return "A room's address begins with #, such as: join " + room
}

func textAdded(who string, room bool) string {
	if room {
		return fmt.Sprintf("%s is on your list. What is said there comes when the room has let you in.", who)
	}
	return fmt.Sprintf("%s is on your list now. You can write at once.", who)
}

func textAlready(who string) string  { return who + " is on your list already." }
func textMuted(who string) string    { return who + " is muted. Nothing of theirs comes through." }
func textUnmuted(who string) string  { return who + " can write to you again." }
func textNotMuted(who string) string { return who + " is not muted." }

func textRefused(why string) string { return "This does not work: " + why + "." }

func textNoOne(word string) string {
	return fmt.Sprintf("Nobody on your list is called %s. The whole address works too.", clip(word, 40))
}

func textWhich(names []string) string { return "Who of them? " + listed(names, 2*lineChars) }

func textNotFound(word string) string {
	return fmt.Sprintf("I know nobody called %s. A friend elsewhere has to tell you the address.", clip(word, 40))
}

func textFound(name, address, state string) string {
	if strings.EqualFold(name, address) {
		return fmt.Sprintf("%s: %s", address, state)
	}
	return fmt.Sprintf("%s: %s, %s", clip(name, 24), address, state)
}

// textWho lists who is there and who is not: two lines and one.
func textWho(there, gone []string) string {
	switch {
	case len(there) == 0:
		return fit("Nobody is there now.") + "\n" + clip("Away: "+listed(gone, lineChars-6), lineChars)
	case len(gone) == 0:
		return fit("On: " + listed(there, 2*lineChars-10))
	}
	return fit("On: "+listed(there, 2*lineChars-20)) + "\n" + clip("Off: "+listed(gone, lineChars-5), lineChars)
}

// plus counts what is left out of a list.
func plus(n int) string { return fmt.Sprintf(", +%d", n) }

func textState(p bridge.Presence) string {
	switch p {
	case bridge.PresenceOnline:
		return "there"
	case bridge.PresenceIdle, bridge.PresenceAway:
		return "away"
	case bridge.PresenceBusy:
		return "busy"
	}
	return "not there"
}

// textNetwork says how a network is.
func textNetwork(s bridge.NetworkState, now time.Time) string {
	name := networkName(s.Name)
	switch {
	case s.Up:
		return name + " is up."
	case s.Since.IsZero():
		return name + " is being connected."
	}
	layout := "15:04"
	if now.Sub(s.Since) > 20*time.Hour {
		layout = "Jan 2"
	}
	return fmt.Sprintf("%s cannot be reached since %s.", name, s.Since.Local().Format(layout))
}

// networkName is a network as people write it.
func networkName(n id.Network) string {
	if n == "" {
		return "The network"
	}
	return strings.ToUpper(string(n[:1])) + string(n[1:])
}

func textWhoAmI(a bridge.Account) string {
	return fmt.Sprintf("You are %s here: %s", clip(a.Name, 30), a.Address)
}

func textPortrait(p bridge.Portrait) string {
	return fmt.Sprintf("On %s you are %s", networkName(p.Network), p.Name)
}

func textSet(key, value string) string {
	return fmt.Sprintf("Done: %s is %s.", clip(key, 20), clip(value, 40))
}

// textMore tells how much comes now and how much is left.
func textMore(who string, moved, left int) string {
	come := "come"
	if moved == 1 {
		come = "comes"
	}
	s := fmt.Sprintf("%s %s now, in the conversation with %s.", messages(moved), come, clip(who, 40))
	if left > 0 {
		s += fmt.Sprintf(" %d are left.", left)
	}
	return s
}

// textKept names the conversations of which something is left.
func textKept(all []bridge.Backlog) string {
	names := make([]string, len(all))
	for i, b := range all {
		names[i] = fmt.Sprintf("%s (%d)", b.Peer.Local(), b.Count)
	}
	return "Whose? " + listed(names, 90) + "\nType for example: more " + clip(all[0].Peer.Local(), 25)
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

// Greeting implements bridge.Resident.
func (n *Network) Greeting(a bridge.Account) string { return fit(textGreeting(latin(a.Name))) }

// Folded implements bridge.Resident: the line stands in the conversation with the
// contact.
func (n *Network) Folded(peer id.Address, count int) string {
	if count == 0 {
		return fit(fmt.Sprintf("(More comes than a TV can show. To read the rest, tell %s: more %s)", displayName, peer.Local()))
	}
	return fit(fmt.Sprintf("(%s more. To read them, tell %s: more %s)", messages(count), displayName, peer.Local()))
}

// Trouble implements bridge.Resident.
func (n *Network) Trouble(t bridge.Trouble) string {
	who := latin(t.Name)
	if t.Peer == "" {
		return fit(fmt.Sprintf("%s cannot be reached now. What you write there waits and goes out later.", networkName(t.Network)))
	}
	why := strings.TrimRight(latin(t.Why), ". ")
	switch {
	case t.Again && why == "":
		return fit(clip(who, 40) + "'s server cannot be reached. I will keep trying to invite them.")
	case t.Again:
		return fit(clip(who, 40) + " is not invited yet: " + clip(why, 50) + ". I will keep trying.")
	case why == "":
		return fit(clip(who, 40) + " could not be invited: their server cannot be reached. Add them again to retry.")
	}
	return fit(clip(who, 40) + " could not be invited: " + clip(why, 60) + ".")
}
