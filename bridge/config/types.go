package config

import (
	"errors"
	"log/slog"
	"strings"
	"text/template"
	"text/template/parse"
)

// LogFormat is how log lines look.
type LogFormat string

// The formats of the log.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Registration says who gets an account.
type Registration string

// The ways of registration (design.md 5).
const (
	Closed   Registration = "closed"    // those the operator adds
	FirstBox Registration = "first-box" // any address, for the first box that asks for it
)

// FlattenPresence says which clients see online and offline only.
type FlattenPresence string

// The values of messenger.flatten_presence.
const (
	FlattenFirstGeneration FlattenPresence = "first-generation"
	FlattenEveryone        FlattenPresence = "everyone"
	FlattenNobody          FlattenPresence = "nobody"
)

// WTVPMode is the part the gateway plays for boxes.
type WTVPMode string

// The values of wtvp.mode.
const (
	WTVPOff    WTVPMode = "off"
	Companion  WTVPMode = "companion"  // beside a WebTV server that serves the rest
	Standalone WTVPMode = "standalone" // alone
)

// Encryption is how Matrix rooms are.
type Encryption string

// The values of matrix.encryption.
const (
	EncryptionOff     Encryption = "off"
	EncryptionAllow   Encryption = "allow"
	EncryptionRequire Encryption = "require"
)

// Telling is how a friend learns that what they wrote waits for a box.
type Telling string

// The values of matrix.tell_waiting, which are the first and the last, and of
// discord.tell_waiting, which are all but the first.
const (
	TellNotice   Telling = "notice"   // a notice in the chat, once for each time the box is off
	TellBoth     Telling = "both"     // TellReaction and TellLine
	TellReaction Telling = "reaction" // to each message that waits, until the box has it
	TellLine     Telling = "line"     // a line in the chat, once for each time the box is off
	TellNothing  Telling = "off"
)

// auto stands for the address that the client itself reached.
const auto = "auto"

// knownDialects are all that the messenger speaks, newest first.
func knownDialects() []string {
	return []string{"MSNP8", "MSNP7", "MSNP6", "MSNP5", "MSNP4", "MSNP3", "MSNP2"}
}

const hidden = "(hidden)"

// Secret is text that no log and no message shows. Convert it to string where
// it is used.
type Secret string

// String hides it.
func (Secret) String() string { return hidden }

// GoString hides it.
func (Secret) GoString() string { return hidden }

// LogValue hides it.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides it.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Key is a secret key in bytes, hidden like a Secret.
type Key []byte

// String hides it.
func (Key) String() string { return hidden }

// GoString hides it.
func (Key) GoString() string { return hidden }

// LogValue hides it.
func (Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides it.
func (Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// NameTemplate makes a ghost's display name of an account's.
type NameTemplate struct{ parts []string } // the name stands between them

// Name fills the template.
func (t NameTemplate) Name(name string) string { return strings.Join(t.parts, name) }

// maxNameTemplate bounds what a ghost's name has beside the account's.
const maxNameTemplate = 200

// parseName reads a template that holds {{.Name}} at least once and no other
// action.
func parseName(text string) (NameTemplate, error) {
	switch {
	case text == "":
		return NameTemplate{}, errors.New("is empty")
	case len(text) > maxNameTemplate:
		return NameTemplate{}, errors.New("is too long")
	}
	t, err := template.New("").Parse(text)
	if err != nil {
		return NameTemplate{}, errors.New("is not a template: " + strings.TrimPrefix(err.Error(), "template: "))
	}
	parts := []string{""}
	for _, node := range t.Root.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			parts[len(parts)-1] += string(n.Text)
		default:
			if n.String() != "{{.Name}}" {
				return NameTemplate{}, errors.New("holds something other than {{.Name}}")
			}
			parts = append(parts, "")
		}
	}
	if len(parts) == 1 {
		return NameTemplate{}, errors.New("does not hold {{.Name}}, so all would have the same name")
	}
	return NameTemplate{parts: parts}, nil
}

// Pattern matches Matrix user ids: * is any text, ? any one byte.
type Pattern string

// Match tells whether the whole user id matches.
func (p Pattern) Match(user string) bool {
	// The classic two-finger match: remember the last star and, when stuck, let it
	// take one byte more. Linear for one star, never worse than len*len.
	pat, star, mark, i, j := string(p), -1, 0, 0, 0
	for j < len(user) {
		switch {
		case i < len(pat) && pat[i] == '*':
			star, mark = i, j
			i++
		case i < len(pat) && (pat[i] == '?' || pat[i] == user[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pat[i:], "*") == ""
}

func matchAny(patterns []Pattern, user string) bool {
	for _, p := range patterns {
		if p.Match(user) {
			return true
		}
	}
	return false
}
