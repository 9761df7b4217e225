package matrix

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"maunium.net/go/mautrix/appservice"
	mid "maunium.net/go/mautrix/id"
)

// registrationID names us among a homeserver's application services.
const registrationID = "wtvgate"

// MakeRegistration makes a registration with new tokens, as the YAML that the
// homeserver reads. It uses URL, Domain, GhostPrefix and Bot.
func MakeRegistration(o Options) ([]byte, error) {
	reg := appservice.CreateRegistration()
	reg.ID = registrationID
	return fillRegistration(o, reg)
}

// WriteRegistration writes a registration file that only its owner can read. A
// file that is already there keeps its tokens, so that the homeserver still
// knows us; what the configuration decides is brought up to date.
func WriteRegistration(o Options, path string) error {
	reg, err := readRegistration(path)
	if errors.Is(err, fs.ErrNotExist) {
		reg = appservice.CreateRegistration()
		reg.ID = registrationID
	} else if err != nil {
		return fmt.Errorf("%w; move the file away to make a new one", err)
	}
	data, err := fillRegistration(o, reg)
	if err != nil {
		return err
	}
	return replaceFile(path, data)
}

// fillRegistration sets what follows from the options. Ephemeral pushes are not
// asked for: what they carry comes by sync (matrix.md 2). An operator who asks for
// them in the file (receive_ephemeral) is let be, and they are taken.
func fillRegistration(o Options, reg *appservice.Registration) ([]byte, error) {
	if err := o.checkNames(); err != nil {
		return nil, err
	}
	if o.URL == "" {
		return nil, errors.New("matrix.appservice.url: the homeserver needs to know where it reaches the gateway")
	}
	limited := false // the default is limited, matrix.md 2
	reg.URL = o.URL
	reg.SenderLocalpart = o.Bot
	reg.RateLimited = &limited
	reg.Namespaces = appservice.Namespaces{UserIDs: appservice.NamespaceList{{Regex: o.namespace(), Exclusive: true}}}
	text, err := reg.YAML()
	if err != nil {
		return nil, fmt.Errorf("matrix: write the registration: %w", err)
	}
	return []byte(text), nil
}

// namespace is the pattern of our ghosts, anchored since Dendrite matches
// anywhere in the string (matrix.md 2).
func (o Options) namespace() string {
	return `^@` + regexp.QuoteMeta(o.GhostPrefix) + `[a-z0-9._=/+-]+:` + regexp.QuoteMeta(o.Domain) + `$`
}

// replaceFile writes a secret file in one step.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("matrix: write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".registration-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("matrix: write %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("matrix: write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// readRegistration reads the file; an error names it.
func readRegistration(path string) (*appservice.Registration, error) {
	reg, err := appservice.LoadRegistration(path)
	if err != nil {
		return nil, fmt.Errorf("matrix.appservice.registration: read %s: %w", path, err)
	}
	if reg.AppToken == "" || reg.ServerToken == "" {
		return nil, fmt.Errorf("matrix.appservice.registration: %s is no registration: it has no tokens", path)
	}
	return reg, nil
}

// Check tells what keeps the network from running that a person has to mend: a
// registration that is missing, cannot be read or does not fit the options. It
// opens nothing, so that a start can fail before any port is open.
func (n *Network) Check() error {
	_, err := n.loadRegistration()
	return err
}

// loadRegistration reads the file and compares it with the configuration. The
// error is one sentence that says what to do.
func (n *Network) loadRegistration() (*appservice.Registration, error) {
	const again = `run "wtvgate matrix registration", give the file to the homeserver and restart it`
	reg, err := readRegistration(n.o.Registration)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("matrix.appservice.registration: there is no %s: %s", n.o.Registration, again)
	} else if err != nil {
		return nil, fmt.Errorf("%w: mend the file, or move it away and %s", err, again)
	}
	if reg.SenderLocalpart != n.o.Bot {
		return nil, fmt.Errorf("matrix.bot is %q, but %s says %q: %s", n.o.Bot, n.o.Registration, reg.SenderLocalpart, again)
	}
	sample := string(mid.NewUserID(n.o.GhostPrefix+"a", n.o.Domain))
	for _, ns := range reg.Namespaces.UserIDs {
		if re, err := regexp.Compile(ns.Regex); err == nil && re.MatchString(sample) {
			return reg, nil
		}
	}
	return nil, fmt.Errorf("%s does not reserve the ghosts of matrix.ghost_prefix and matrix.homeserver.domain, such as %s: %s",
		n.o.Registration, sample, again)
}
