package bridge

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"wtvgate/bridge/store"
	"wtvgate/bridge/text"
)

func TestSettings(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	set := func(key, value string) error {
		return r.hub.SetSettings(ctx, alice, func(s *Settings) error { return s.Set(key, value) })
	}
	seat := newSeat()
	r.hub.Sit(alice, seat)
	for _, kv := range [][2]string{{"emoji", "dropped"}, {"links", "words"}, {"edits", "off"}, {"reactions", "off"}, {"lines", "all"}, {"piece", "400"}, {"lines", "7"}} {
		if err := set(kv[0], kv[1]); err != nil {
			t.Errorf("%v: %v", kv, err)
		}
	}
	if n := len(seat.lists); n != 7 {
		t.Errorf("the seat was told %d times", n)
	}
	want := Settings{Emoji: text.EmojiDropped, Links: text.LinkWords, NoEdits: true, NoReacts: true, Lines: 7, PieceSize: 400}
	got, err := r.hub.Settings(ctx, alice)
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if o := got.Options(); o != (text.Options{Emoji: text.EmojiDropped, Links: text.LinkWords, HideEdits: true, HideReactions: true, Lines: 7, Limit: 400}) {
		t.Errorf("options %+v", o)
	}
	if other, err := r.hub.Settings(ctx, carol); err != nil || other != (Settings{}) {
		t.Errorf("carol has %+v, %v", other, err)
	}
	for _, kv := range [][2]string{{"emoji", "loud"}, {"edits", "yes"}, {"lines", "0"}, {"lines", "501"}, {"lines", "x"}, {"piece", "all"}, {"piece", "99"}, {"piece", "1101"}, {"links", ""}, {"colour", "red"}} {
		if err := set(kv[0], kv[1]); err == nil || !strings.Contains(err.Error(), kv[0]) {
			t.Errorf("%v: %v", kv, err)
		}
	}
	if got, _ := r.hub.Settings(ctx, alice); got != want {
		t.Errorf("a refused change had effect: %+v", got)
	}
	for _, kv := range [][2]string{{"emoji", "auto"}, {"links", "whole"}, {"edits", "on"}, {"reactions", "on"}, {"lines", "auto"}, {"piece", "auto"}} {
		if err := set(kv[0], kv[1]); err != nil {
			t.Errorf("%v: %v", kv, err)
		}
	}
	stored, err := r.st.Settings(ctx, alice)
	if err != nil || len(stored) != 0 {
		t.Errorf("defaults are stored: %v, %v", stored, err)
	}
	if got := (Settings{}).List(); !slices.Equal(got, []SettingValue{{"emoji", "auto"}, {"links", "whole"}, {"edits", "on"}, {"reactions", "on"}, {"lines", "auto"}, {"piece", "auto"}}) {
		t.Errorf("defaults %v", got)
	}
	err = r.hub.SetSettings(ctx, "nobody@webtv.local", func(*Settings) error { return nil })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody's settings: %v", err)
	}
}

// TestSettingsOfAnotherVersion: what is not known is passed over.
func TestSettingsOfAnotherVersion(t *testing.T) {
	r := newRig(t)
	err := r.st.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.SetSetting(alice, "colour", "red"), tx.SetSetting(alice, "emoji", "loud"), tx.SetSetting(alice, "lines", "9"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.hub.Settings(t.Context(), alice); err != nil || got != (Settings{Lines: 9}) {
		t.Errorf("%+v, %v", got, err)
	}
}
