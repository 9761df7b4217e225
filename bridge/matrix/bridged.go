package matrix

import (
	"regexp"

	mid "maunium.net/go/mautrix/id"
)

// bridged.go: users that are people of yet another network. A bridge of bridges
// shows nobody who they are, so they are let through only where the operator says
// so (lessons L43).

// bridgedName is how well-known bridges name their ghosts: with a leading _, as the
// specification asks for, or with the network's name.
var bridgedName = regexp.MustCompile(`^(_|(bluesky|discord|discordpuppet|facebook|gchat|gitter|gmessages|googlechat|gvoice|hangouts|hbirc|imessage|instagram|irc|kakaotalk|line|linkedin|meta|messenger|mumble|signal|skype|slack|steam|telegram|teams|tox|twitter|viber|webtv|wechat|whatsapp|xmpp|zulip)_)`)

// otherBridge tells whether a user is a ghost of another bridge, by its name.
func otherBridge(user mid.UserID) bool { return bridgedName.MatchString(user.Localpart()) }

// shuns tells whether a user is not let through for being one.
func (n *Network) shuns(user mid.UserID) bool {
	return !n.o.OtherBridges && !n.own(user) && otherBridge(user)
}
