package discord

import (
	"errors"
	"net"
	"net/http"

	"wtvgate/bridge"
)

// errors.go: what a failed request means for who waits (discord.md 5).

// Codes of Discord's that mean something to us (discord.md 5).
const (
	codeUnknownChannel  = 10003
	codeUnknownGuild    = 10004
	codeUnknownMessage  = 10008
	codeUnknownUser     = 10013
	codeUnknownWebhook  = 10015
	codeLateInteraction = 10062
	codeQuarantined     = 20026
	codeTooManyWebhooks = 30007
	codeOpeningTooFast  = 40003
	codeAnsweredTwice   = 40060
	codeNoAccess        = 50001
	codeCannotDM        = 50007
	codeNoPermission    = 50013
	codeWebhookToken    = 50027
	codeInvalidForm     = 50035
	codeArchived        = 50083
	codeNoMutualGuild   = 50278
	codeTooManyThreads  = 160006
	codeAutoMod         = 200000
)

// What a person reads on a TV, as part of a sentence such as "Not delivered: ...".
const (
	textUnreachable = "Discord cannot be reached"
	textRefusing    = "Discord does not accept this gateway; its operator has to act"
	textLimited     = "Discord asks to wait a little"
	textRefused     = "Discord refused it"
	textClosed      = "they take no messages from here; they can write first"
	textNoGuild     = "they have left the Discord server that you both need"
	textQuarantine  = "Discord does not let this gateway open new chats at the moment"
	textFilter      = "the server's filter refused this"
	textGone        = "it is gone from Discord"
	textAccess      = "this gateway may not write there; a moderator has to allow it"
	textNotFound    = "nobody of that name can be reached on Discord from here"
	textNoChannel   = "there is no such channel that a TV may read"
	textNotYet      = "they have not said yes yet"
	textContent     = "Discord channels cannot be read here: the message content intent is off"
	textThreads     = "the Discord server has too many open threads"
)

// What an operator reads. The last names the setting to change.
const textToken = "Discord refuses the token: make a new one in the developer portal and put it into discord.token_file or WTVGATE_DISCORD_TOKEN, then restart"

// unheard tells whether a request surely did not reach the other side.
func unheard(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, errTooManyInvalid)
}

// judge makes the core's verdict of a failure.
func judge(err error) error {
	var e *apiError
	if err == nil || !errors.As(err, &e) {
		return err
	}
	switch {
	case e.status == http.StatusTooManyRequests:
		return &bridge.SendError{Certain: true, After: e.after, Text: textLimited, Err: err}
	case e.status == http.StatusUnauthorized && e.code != codeWebhookToken:
		return &bridge.SendError{Certain: true, Text: textRefusing, Err: err}
	case e.code == codeOpeningTooFast || e.code == codeQuarantined:
		return &bridge.SendError{Certain: true, After: openerRest, Text: textQuarantine, Err: err}
	case e.status >= 400 && e.status < 500 && e.status != http.StatusRequestTimeout:
		return bridge.Permanent(sentence(e.code), err)
	}
	return &bridge.SendError{Certain: e.certain, Text: textUnreachable, Err: err}
}

// sentence is a refusal for the person who wrote.
func sentence(code int) string {
	switch code {
	case codeCannotDM:
		return textClosed
	case codeNoMutualGuild:
		return textNoGuild
	case codeUnknownChannel, codeUnknownGuild, codeUnknownUser, codeUnknownMessage:
		return textGone
	case codeNoAccess, codeNoPermission:
		return textAccess
	case codeAutoMod:
		return textFilter
	case codeTooManyThreads:
		return textThreads
	}
	return textRefused
}

// temporary tells whether trying again may help.
func temporary(err error) bool {
	var e *apiError
	if !errors.As(err, &e) {
		return err != nil
	}
	return e.status == 0 || e.status >= 500 || e.status == http.StatusTooManyRequests
}

// unanswered tells whether Discord could not be asked, which ends by itself.
func unanswered(err error) bool {
	var e *apiError
	return errors.As(err, &e) && temporary(err)
}
