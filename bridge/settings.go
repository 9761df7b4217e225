package bridge

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wtvgate/bridge/id"
	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

// settings.go: how an account's owner wants to read what friends write. Each rule
// of rendering that somebody may dislike is a switch (lessons L20).

// Settings are an account's. The zero value is the defaults.
type Settings struct {
	Emoji     text.EmojiStyle
	Links     text.LinkStyle
	NoEdits   bool // corrected messages are not shown again
	NoReacts  bool // reactions are not shown
	Lines     int  // of one message, before the rest is only counted; 0: what suits the client; negative: all
	PieceSize int  // longest piece of a message, in bytes; 0: what suits the client
}

// Bounds of the numbers. A piece below the least would be mostly head; above the
// most it would not fit some clients (msnp.md 25.9).
const (
	maxLines     = 500
	minPieceSize = 100
	maxPieceSize = 1100
)

// setting is one key: what it may be, and how it is read and written.
type setting struct {
	key, allowed string
	set          func(s *Settings, value string) bool
	get          func(s Settings) string
}

// words make a setting that is one of some words, the first the default.
func words[T ~uint8](key string, field func(*Settings) *T, choices ...string) setting {
	return setting{key, strings.Join(choices, " | "),
		func(s *Settings, v string) bool {
			i := slices.Index(choices, v)
			if i >= 0 {
				*field(s) = T(i)
			}
			return i >= 0
		},
		func(s Settings) string { return choices[*field(&s)] }}
}

// onOff makes a setting that is on by default.
func onOff(key string, off func(*Settings) *bool) setting {
	return setting{key, "on | off",
		func(s *Settings, v string) bool { *off(s) = v == "off"; return v == "on" || v == "off" },
		func(s Settings) string { return map[bool]string{true: "off", false: "on"}[*off(&s)] }}
}

// number makes a setting that is a number, auto for 0, and perhaps all for -1.
func number(key string, field func(*Settings) *int, least, most int, all bool) setting {
	allowed := fmt.Sprintf("auto | %d to %d", least, most)
	if all {
		allowed += " | all"
	}
	return setting{key, allowed,
		func(s *Settings, v string) bool {
			n, err := strconv.Atoi(v)
			switch {
			case v == "auto":
				n = 0
			case all && v == "all":
				n = -1
			case err != nil || n < least || n > most:
				return false
			}
			*field(s) = n
			return true
		},
		func(s Settings) string {
			switch n := *field(&s); {
			case n == 0:
				return "auto"
			case n < 0:
				return "all"
			default:
				return strconv.Itoa(n)
			}
		}}
}

// allSettings are the keys in the order they are shown.
func allSettings() []setting {
	return []setting{
		words("emoji", func(s *Settings) *text.EmojiStyle { return &s.Emoji }, "auto", "words", "kept", "dropped"),
		words("links", func(s *Settings) *text.LinkStyle { return &s.Links }, "whole", "words"),
		onOff("edits", func(s *Settings) *bool { return &s.NoEdits }),
		onOff("reactions", func(s *Settings) *bool { return &s.NoReacts }),
		number("lines", func(s *Settings) *int { return &s.Lines }, 1, maxLines, true),
		number("piece", func(s *Settings) *int { return &s.PieceSize }, minPieceSize, maxPieceSize, false),
	}
}

// Options is what the settings say about rendering; the client is not their
// business.
func (s Settings) Options() text.Options {
	return text.Options{Emoji: s.Emoji, Links: s.Links, HideEdits: s.NoEdits, HideReactions: s.NoReacts, Lines: s.Lines, Limit: s.PieceSize}
}

// Set changes one setting. The error says what is allowed.
func (s *Settings) Set(key, value string) error {
	var keys []string
	for _, x := range allSettings() {
		if x.key == key {
			if !x.set(s, value) {
				return fmt.Errorf("%s: %q is not allowed; allowed: %s", key, value, x.allowed)
			}
			return nil
		}
		keys = append(keys, x.key)
	}
	return fmt.Errorf("there is no setting %q; there are %s", key, strings.Join(keys, ", "))
}

// SettingValue is one setting as it is shown.
type SettingValue struct{ Key, Value string }

// List is all settings with their values.
func (s Settings) List() (all []SettingValue) {
	for _, x := range allSettings() {
		all = append(all, SettingValue{x.key, x.get(s)})
	}
	return all
}

// Settings reads an account's settings. What an older or newer program stored and
// this one does not know is passed over.
func (h *Hub) Settings(ctx context.Context, a id.Account) (Settings, error) {
	stored, err := h.st.Settings(ctx, a)
	if err != nil {
		return Settings{}, err
	}
	return settingsOf(stored), nil
}

func settingsOf(stored map[string]string) (s Settings) {
	for _, x := range allSettings() {
		if v, ok := stored[x.key]; ok {
			fresh := s
			if x.set(&fresh, v) {
				s = fresh
			}
		}
	}
	return s
}

// SetSettings changes an account's settings; a signed-in client feels it with the
// next message. change may be called again. Its error is given back, and then
// nothing is stored. store.ErrNotFound: there is no such account.
func (h *Hub) SetSettings(ctx context.Context, a id.Account, change func(*Settings) error) error {
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Account(a); err != nil {
			return err
		}
		stored, err := tx.Settings(a)
		if err != nil {
			return err
		}
		s := settingsOf(stored)
		if err := change(&s); err != nil {
			return err
		}
		defaults := Settings{}
		for _, x := range allSettings() {
			value := x.get(s)
			if value == x.get(defaults) {
				value = "" // a default that changes one day changes for all who did not choose
			}
			if value == stored[x.key] {
				continue
			}
			if err := tx.SetSetting(a, x.key, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if seat := h.Seat(a); seat != nil {
		seat.ListsChanged()
	}
	return nil
}
