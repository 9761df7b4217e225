// Package setup makes a new installation: a configuration with all its comments
// and the operator's answers in it, and the data directory with its key. It
// overwrites nothing. It keeps no state; one call is one installation.
package setup

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"wtvgate/bridge/config"
	"wtvgate/bridge/store"
)

// Answers are what an operator decides at first; everything else has the
// example's value. Defaults gives the usual ones.
type Answers struct {
	Domain       string // accounts.domain
	Registration string // accounts.registration
	Mode         string // wtvp.mode
	SharedKey    string // wtvp.initial_shared_key; "" in companion mode: a new one is made
	Advertise    string // the address boxes reach, auto or a host
	Homeserver   string // matrix.homeserver.url; "" leaves Matrix off
	ServerName   string // matrix.homeserver.domain
	Appservice   string // matrix.appservice.url; "": on the homeserver's machine
	// DiscordToken is the bot's, to be put into a file of its own in the data
	// directory; or TokenFile names one that is there. Both empty leave Discord off.
	DiscordToken string
	TokenFile    string
}

// Defaults are the answers of who has no opinion: beside a WebTV server, with a
// new key, no networks.
func Defaults() Answers {
	return Answers{Domain: "webtv.local", Registration: string(config.Closed), Mode: string(config.Companion), Advertise: "auto"}
}

// Made is what Write made.
type Made struct {
	Config config.Config // as it was read back
	File   string        // the configuration's path
	NewKey bool          // the WebTV server's key was made here
}

// messengerPort and the others are those of the example.
const messengerPort = "1863"

// sharedKeySize is the size of a WebTV server's initial key (wtvp.md 7.1).
const sharedKeySize = 8

// values are the answers by key. Paths are relative in the working directory,
// where the gateway is started by hand, and whole elsewhere.
func (a Answers) values(dir string) (map[string]any, bool, error) {
	v := map[string]any{"accounts.domain": a.Domain, "accounts.registration": a.Registration, "wtvp.mode": a.Mode}
	data := "data"
	if dir != "." {
		full, err := filepath.Abs(dir)
		if err != nil {
			return nil, false, fmt.Errorf("setup: %w", err)
		}
		data = filepath.Join(full, "data")
	}
	v["data_dir"], v["matrix.appservice.registration"] = data, filepath.Join(data, "registration.yaml")
	fresh := a.SharedKey == "" && a.Mode == string(config.Companion)
	if v["wtvp.initial_shared_key"] = a.SharedKey; fresh {
		var key [sharedKeySize]byte
		_, _ = rand.Read(key[:]) // never fails
		v["wtvp.initial_shared_key"] = base64.StdEncoding.EncodeToString(key[:])
	}
	if a.Advertise != "auto" && a.Advertise != "" {
		v["messenger.advertise"], v["wtvp.advertise"] = a.Advertise+":"+messengerPort, a.Advertise
	}
	if a.Homeserver != "" {
		v["matrix.enabled"], v["matrix.homeserver.url"], v["matrix.homeserver.domain"] = true, a.Homeserver, a.ServerName
		if a.Appservice != "" {
			// The homeserver is elsewhere: the port is open to it, and guarded by its token.
			v["matrix.appservice.url"], v["matrix.appservice.listen"] = a.Appservice, ":29350"
		}
	}
	switch {
	case a.DiscordToken != "":
		v["discord.enabled"], v["discord.token_file"] = true, filepath.Join(data, tokenFile)
	case a.TokenFile != "":
		full, err := filepath.Abs(a.TokenFile)
		if err != nil {
			return nil, false, fmt.Errorf("setup: %w", err)
		}
		v["discord.enabled"], v["discord.token_file"] = true, full
	}
	return v, fresh, nil
}

// tokenFile is where an answered token of Discord is kept, in the data directory.
const tokenFile = "discord.token"

// keepToken writes the token where the configuration says it is. undo takes it
// away again.
func (a Answers) keepToken(values map[string]any) (undo func(), err error) {
	if a.DiscordToken == "" {
		return func() {}, nil
	}
	file := values["discord.token_file"].(string)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("setup: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("setup: keeping the token of Discord: %w", err)
	}
	undo = func() {
		os.Remove(file)
		os.Remove(filepath.Dir(file)) // if it is empty
	}
	_, err = f.WriteString(a.DiscordToken + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		undo()
		return nil, fmt.Errorf("setup: keeping the token of Discord: %w", err)
	}
	return undo, nil
}

// Write makes config.yaml in dir and the data directory beside it, both for this
// user alone. Nothing is made if the answers make no valid configuration: the
// error is the configuration's own, with the keys it is about.
func Write(ctx context.Context, dir string, a Answers) (Made, error) {
	dir = filepath.Clean(dir)
	m := Made{File: filepath.Join(dir, config.DefaultFile)}
	if _, err := os.Lstat(m.File); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s is there already; move it away, or choose another place with --dir", m.File)
		}
		return Made{}, err
	}
	values, fresh, err := a.values(dir)
	if err != nil {
		return Made{}, err
	}
	m.NewKey = fresh
	text, err := set(example, values)
	if err != nil {
		return Made{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Made{}, fmt.Errorf("setup: %w", err)
	}
	undo, err := a.keepToken(values)
	if err != nil {
		return Made{}, err
	}
	if m.Config, err = place(m.File, text); err != nil {
		undo()
		return Made{}, err
	}
	st, err := store.Open(ctx, m.Config.DataDir, store.Options{})
	if err != nil {
		return Made{}, fmt.Errorf("setup: making the data directory: %w", err)
	}
	if err := st.Close(); err != nil {
		return Made{}, fmt.Errorf("setup: making the data directory: %w", err)
	}
	return m, nil
}

// place writes the file beside its place, reads it as the gateway would, and
// only then gives it its name, if that is still free.
func place(file, text string) (config.Config, error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".config-*.yaml") // made with mode 0600
	if err != nil {
		return config.Config{}, fmt.Errorf("setup: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return config.Config{}, fmt.Errorf("setup: writing %s: %w", file, err)
	}
	c, err := config.Load(f.Name(), nil)
	if err != nil {
		var e *config.Error
		if errors.As(err, &e) {
			for i := range e.Faults {
				e.Faults[i].Where = "" // a line of a file that is not kept
			}
		}
		return config.Config{}, err
	}
	if err := os.Link(f.Name(), file); err != nil { // unlike a rename it replaces nothing
		return config.Config{}, fmt.Errorf("setup: %w", err)
	}
	c.Path = file
	return c, nil
}
