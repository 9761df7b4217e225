package matrix

import (
	"strings"
	"unicode"

	"maunium.net/go/mautrix/event"
)

// convert.go: a Matrix message as plain text. Pure functions.

// maxFileName is the longest file name shown, in characters.
const maxFileName = 80

// kind names what cannot be shown itself.
func kind(t event.MessageType) (name string, known bool) {
	switch t {
	case event.MsgImage:
		return "picture", true
	case event.MsgVideo:
		return "video", true
	case event.MsgAudio:
		return "sound", true
	case event.MsgFile:
		return "file", true
	case event.MsgLocation:
		return "place", true
	}
	return "", false
}

// plain is what a box shows of a message; "" for nothing. Name is the friend's,
// for emotes.
func plain(m *event.MessageEventContent, sticker bool, name string) string {
	if m.RelatesTo.GetReplaceID() != "" {
		return edited(m, name)
	}
	body := tidy(m.Body)
	if m.RelatesTo.GetReplyTo() != "" {
		body = tidy(event.TrimReplyFallbackText(body))
	}
	if sticker {
		return bracket("sticker", m.Body)
	}
	switch m.MsgType {
	case event.MsgText, event.MsgNotice:
		return body
	case event.MsgEmote:
		if body == "" {
			return ""
		}
		return "* " + name + " " + body
	case event.MsgVerificationRequest, "": // between machines; or redacted
		return ""
	}
	what, known := kind(m.MsgType)
	if !known {
		if body == "" { // the body is what the sender's client means for us
			return "[something that cannot be shown here]"
		}
		return body
	}
	line := bracket(what, m.GetFileName())
	if caption := tidy(m.GetCaption()); caption != "" {
		line += " " + caption
	}
	return line
}

// edited is the new text of a message that was changed.
func edited(m *event.MessageEventContent, name string) string {
	content := m.NewContent
	if content == nil {
		content = &event.MessageEventContent{MsgType: m.MsgType, Body: strings.TrimPrefix(m.Body, "* ")}
	}
	content.RelatesTo = nil
	body := plain(content, false, name)
	if body == "" {
		return ""
	}
	return "(edited) " + body
}

// bracket is one line for something with a file name.
func bracket(what, name string) string {
	name = strings.Join(strings.Fields(tidy(name)), " ")
	if r := []rune(name); len(r) > maxFileName {
		name = string(r[:maxFileName]) + "..."
	}
	if name == "" {
		return "[" + what + "]"
	}
	return "[" + what + ": " + name + "]"
}

// tidy folds line ends and drops control characters and space at the ends.
func tidy(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s)
}
