package simbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	wtvp "wtvgate/wtvp/client"
	"wtvgate/wtvp/sec"
)

// Way is how a box, or what plays one, gets to Messenger.
type Way interface {
	// Connect does what comes before Messenger and tells where that is, host:port.
	// It is called for each sign-in.
	Connect(ctx context.Context) (messenger string, err error)
	// Credential answers the Messenger server's challenge.
	Credential(ctx context.Context, challenge string) (string, error)
	// Line is the connection to the WebTV service, nil without one.
	Line() *wtvp.Box
	// Close hangs up.
	Close()
}

// Trace is told of a line of either protocol, 'C' or 'S', without secrets.
type Trace func(dir byte, line string)

// UnlinkedError says that the service has no account for this box, or another one.
type UnlinkedError struct {
	SSID   string
	UserID int
	Text   string // what the box's owner reads
}

// Error gives what the gateway says, fit for the screen.
func (e *UnlinkedError) Error() string { return "the gateway says: " + Clean(e.Text, maxText) }

// Serial is a box as its service knows it.
type Serial struct {
	SSID   string
	UserID int
}

// refused makes an UnlinkedError of a refusal.
func (s Serial) refused(err error) error {
	var status *wtvp.StatusError
	if errors.As(err, &status) {
		return &UnlinkedError{SSID: s.SSID, UserID: s.UserID, Text: status.Text}
	}
	return err
}

// Companion is a box whose WebTV server is another one. That one's part is played
// here: its ticket is made with the shared key, a new one for each sign-in.
type Companion struct {
	Serial
	Messenger string // host:port
	Passport  string // wtv-passport, host:port
	Key       sec.Key
	Trace     Trace

	box *wtvp.Box
}

// Connect implements Way.
func (c *Companion) Connect(context.Context) (string, error) {
	c.Close()
	ident, err := wtvp.NewIdentity(c.Key, c.SSID, c.UserID)
	if err != nil {
		return "", err
	}
	c.box = wtvp.Beside(c.Passport, ident, wtvp.Options{Trace: c.Trace})
	return c.Messenger, nil
}

// Credential implements Way.
func (c *Companion) Credential(ctx context.Context, challenge string) (string, error) {
	answer, err := c.box.MessengerLogin(ctx, challenge)
	return answer, c.refused(err)
}

// Line implements Way.
func (c *Companion) Line() *wtvp.Box { return c.box }

// Close implements Way.
func (c *Companion) Close() {
	if c.box != nil {
		c.box.Close()
	}
}

// Standalone is a box that the gateway itself serves, from power-on.
type Standalone struct {
	Serial
	Preregister string // host:port
	Account     string // to ask for if the box has none
	Trace       Trace

	box *wtvp.Box
}

// Connect implements Way: it signs on as a box that was just switched on, and
// chooses its address on the home page if it has none.
func (s *Standalone) Connect(ctx context.Context) (string, error) {
	s.Close()
	choose := func(string) string { return "wtv-head-waiter:/login-stage-two?user=" + strconv.Itoa(s.UserID) }
	box, err := wtvp.SignOn(ctx, s.Preregister, wtvp.NewBox(s.SSID), wtvp.Options{Trace: s.Trace, Choose: choose})
	if err != nil {
		return "", fmt.Errorf("signing on: %w", err)
	}
	s.box = box
	messenger, address, ok := box.Messenger()
	if !ok {
		if err := s.register(ctx); err != nil {
			return "", s.refused(err)
		}
		if messenger, address, ok = box.Messenger(); !ok {
			return "", errors.New("the gateway does not switch Messenger on for this box")
		}
	}
	if address != s.Account {
		return "", &UnlinkedError{SSID: s.SSID, UserID: s.UserID, Text: "This box belongs to " + address + "."}
	}
	return messenger, nil
}

// Credential implements Way.
func (s *Standalone) Credential(ctx context.Context, challenge string) (string, error) {
	answer, err := s.box.MessengerLogin(ctx, challenge)
	return answer, s.refused(err)
}

// Line implements Way.
func (s *Standalone) Line() *wtvp.Box { return s.box }

// Close implements Way.
func (s *Standalone) Close() {
	if s.box != nil {
		s.box.Close()
	}
}

// register fills in the home page's form, if there is one (docs/standalone.md). The
// form asks for what stands before the @ and shows what stands behind it.
func (s *Standalone) register(ctx context.Context) error {
	home, err := s.box.Get(ctx, s.box.Value("wtv-home-url"))
	if err != nil {
		return err
	}
	p, err := readPage("wtv-home:/", latin1(home.Body))
	if err != nil {
		return err
	}
	local, domain, _ := strings.Cut(s.Account, "@")
	switch {
	case len(p.forms) == 0 || len(p.forms[0].fields) == 0:
		return &UnlinkedError{SSID: s.SSID, UserID: s.UserID, Text: "This WebTV is not signed up for Messenger yet."}
	case !slices.Contains(p.lines, "@"+domain):
		return fmt.Errorf("this gateway gives no addresses that end in @%s", domain)
	}
	f := p.forms[0]
	f.values.Set(f.fields[0], local)
	_, err = s.box.Post(ctx, p.resolve(f.action), []byte(f.values.Encode()))
	return err
}
