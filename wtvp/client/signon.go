package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/wire"
)

const (
	// PreregisterURL is what a box asks first after it was switched on (section 4).
	PreregisterURL = "wtv-1800:/preregister?scriptless-visit-reason=10&0"
	// maxVisits bounds how often a box is sent on before it gives up: a sign-in of the public servers has five steps.
	maxVisits = 12
	// flagPlain is the flag of a service that is not to be secured (section 9.1).
	flagPlain  = 0x01
	anyService = "wtv-*"
)

// ErrNotSignedOn is returned when a service sent the box nowhere before its sign-on was complete.
var ErrNotSignedOn = errors.New("client: the service did not complete the sign-on")

// Options say how a Box behaves. The zero value is a box.
type Options struct {
	// Late has it secure nothing before the sign-on is complete, as the simulator of minisrv does.
	Late bool
	// Choose is shown a page on which the sign-on waits for the user, and returns the link that was chosen. Nil chooses none.
	Choose func(page string) (url string)
	// Trace is told of each request and answer: 'C' or 'S', and a line without secrets.
	Trace func(dir byte, line string)
	// Dial replaces net.Dialer, for services behind an address that is not theirs.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Place is where the service list says a service is.
type Place struct {
	Addr  string // host:port
	Flags uint32
}

// Box is a box on its line: it goes where its service sends it, and keeps what it is told.
type Box struct {
	id *Identity
	o  Options

	mu       sync.Mutex // guards all below and the Identity
	places   map[string]Place
	conns    map[string]*Conn
	told     map[string]string // the last value of each header, by its name in lower case
	shared   sec.Key
	hasKey   bool   // shared was given
	response string // to the last challenge, until it is sent
	signedOn bool   // user-id has come
	visit    string // where to go next
}

// SignOn signs a box on to the service that has wtv-1800 at addr, and fetches its home page. Close must follow. A refusal is a
// *StatusError with the text that the box would show.
func SignOn(ctx context.Context, addr string, id *Identity, o Options) (*Box, error) {
	b := newBox(id, o)
	b.places["wtv-1800"] = Place{Addr: addr, Flags: flagPlain}
	page, err := b.Get(ctx, PreregisterURL)
	if err == nil && !b.SignedOn() && o.Choose != nil {
		_, err = b.Get(ctx, o.Choose(string(page.Body)))
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	if !b.SignedOn() {
		b.Close()
		return nil, ErrNotSignedOn
	}
	return b, nil
}

// Beside is a box that another WebTV server has signed on, with the ticket that its Identity has. Every service is at addr: a
// gateway beside that server. Nothing is sent before the first Get. Close must follow.
func Beside(addr string, id *Identity, o Options) *Box {
	b := newBox(id, o)
	b.signedOn = true
	b.places[anyService] = Place{Addr: addr}
	return b
}

func newBox(id *Identity, o Options) *Box {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return &Box{id: id, o: o, conns: make(map[string]*Conn), told: make(map[string]string), places: make(map[string]Place)}
}

// SignedOn tells whether the service has completed the sign-on.
func (b *Box) SignedOn() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.signedOn
}

// Value is the last value of a header that the service sent, "" if none.
func (b *Box) Value(name string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.told[strings.ToLower(name)]
}

// Messenger tells what the service says of Messenger: the MSN server as host:port, and the address to sign in as. It is false if
// the service does not have the box use it.
func (b *Box) Messenger() (server, address string, ok bool) {
	server = b.Value("wtv-messenger-server")
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "1863")
	}
	address = b.Value("wtv-user-name") + "@" + b.Value("wtv-domain")
	return server, address, b.Value("wtv-messenger-authorized") == "1" && b.Value("wtv-messenger-enable") == "1"
}

// Place is where a service is, by the service list: under its own name, or as one of all others.
func (b *Box) Place(service string) (Place, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.place(service)
}

func (b *Box) place(service string) (Place, bool) {
	p, ok := b.places[service]
	if !ok {
		p, ok = b.places[anyService]
	}
	return p, ok
}

// Close hangs up.
func (b *Box) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hangUp()
}

func (b *Box) hangUp() {
	for name, c := range b.conns {
		_ = c.Close()
		delete(b.conns, name)
	}
}

// Relogin hangs up and signs on again with the ticket it has, as a box does that comes back.
func (b *Box) Relogin(ctx context.Context) error { return b.again(ctx, "wtv-relogin-url") }

// Reconnect is Relogin for a box that goes on with the page it was at.
func (b *Box) Reconnect(ctx context.Context) error { return b.again(ctx, "wtv-reconnect-url") }

func (b *Box) again(ctx context.Context, name string) error {
	url := b.Value(name)
	if url == "" {
		return fmt.Errorf("client: the service gave no %s", name)
	}
	b.mu.Lock()
	b.hangUp()
	b.signedOn = false
	b.mu.Unlock()
	if _, err := b.Get(ctx, url); err != nil {
		return err
	}
	if !b.SignedOn() {
		return ErrNotSignedOn
	}
	return nil
}

// MessengerLogin takes a challenge of the MSN server to where the service said, and returns the answer.
func (b *Box) MessengerLogin(ctx context.Context, challenge string) (string, error) {
	url := b.Value("wtv-messenger-login-url")
	if url == "" {
		url = LoginURL
	}
	resp, err := b.Get(ctx, url+"?"+challenge)
	if err != nil {
		return "", err
	}
	return string(resp.Body), nil
}

// Get fetches a page, and those that the service then sends the box to; it returns the last. A refusal that sends it nowhere is a
// *StatusError.
func (b *Box) Get(ctx context.Context, url string) (*Response, error) {
	return b.follow(ctx, &wire.Request{Method: wire.MethodGet, URL: url}, nil)
}

// Post sends a form, and follows like Get.
func (b *Box) Post(ctx context.Context, url string, form []byte) (*Response, error) {
	return b.follow(ctx, &wire.Request{
		Method: wire.MethodPost, URL: url,
		Header: wire.Header{{Name: "Content-type", Value: "application/x-www-form-urlencoded"}},
	}, form)
}

func (b *Box) follow(ctx context.Context, req *wire.Request, body []byte) (*Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range maxVisits {
		resp, err := b.fetch(ctx, req, body)
		if err != nil {
			return nil, err
		}
		b.visit = ""
		if err := b.heed(resp.Header); err != nil {
			return nil, err
		}
		if b.visit == "" {
			if resp.Status != 200 {
				return nil, &StatusError{resp.Status, resp.Text}
			}
			return resp, nil
		}
		req, body = &wire.Request{Method: wire.MethodGet, URL: b.visit}, nil
	}
	return nil, fmt.Errorf("client: sent on more than %d times", maxVisits)
}

// fetch does one request on the connection to its service.
func (b *Box) fetch(ctx context.Context, req *wire.Request, body []byte) (*Response, error) {
	u, err := wire.ParseURL(req.URL)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c, err := b.conn(ctx, u.Service)
	if err != nil {
		return nil, err
	}
	if b.response != "" {
		req.Header = append(req.Header, wire.Field{Name: "wtv-challenge-response", Value: b.response})
		b.response = ""
	}
	kept := c.used
	c.used = true
	b.trace('C', req.Method+" "+u.Service+":"+u.Path)
	resp, err := c.Do(ctx, req, body)
	if err != nil && kept && ctx.Err() == nil { // the service had closed it meanwhile
		b.drop(u.Service)
		if c, err = b.conn(ctx, u.Service); err != nil {
			return nil, err
		}
		c.used = true
		resp, err = c.Do(ctx, req, body)
	}
	if err != nil {
		b.drop(u.Service)
		return nil, err
	}
	b.trace('S', fmt.Sprintf("%d %s (%d bytes)", resp.Status, resp.Text, len(resp.Body)))
	if strings.EqualFold(resp.Header.Value("Connection"), "close") {
		b.drop(u.Service)
	}
	return resp, nil
}

// conn gives the connection to a service, secured if the box has what it takes when the connection begins (section 4).
func (b *Box) conn(ctx context.Context, service string) (*Conn, error) {
	if c := b.conns[service]; c != nil {
		return c, nil
	}
	p, ok := b.place(service)
	if !ok {
		return nil, fmt.Errorf("client: the service list has no %s", service)
	}
	nc, err := b.o.Dial(ctx, "tcp", p.Addr)
	if err != nil {
		return nil, fmt.Errorf("client: connecting: %w", err)
	}
	c := Plain(nc, b.id)
	if b.id.Ticket != "" && p.Flags&flagPlain == 0 && (b.signedOn || !b.o.Late) {
		b.trace('C', "SECURE ON (to "+service+"; what follows is RC4)")
		if err := c.secure(); err != nil {
			return nil, err
		}
	}
	b.conns[service] = c
	return c, nil
}

func (b *Box) drop(service string) {
	if c := b.conns[service]; c != nil {
		_ = c.Close()
		delete(b.conns, service)
	}
}

// heed does what the headers of an answer say, in their order.
func (b *Box) heed(h wire.Header) error {
	for _, f := range h {
		name := strings.ToLower(f.Name)
		b.told[name] = f.Value
		var err error
		switch name {
		case "wtv-service":
			err = b.list(f.Value)
		case "wtv-initial-key":
			b.shared, err = sec.ParseKey(f.Value)
			b.hasKey = err == nil
		case "wtv-challenge":
			err = b.challenge(f.Value)
		case "wtv-ticket":
			b.id.Ticket = f.Value
		case "user-id":
			b.signedOn = true
		case "wtv-visit":
			if !strings.HasPrefix(f.Value, "client:") { // those act on the screen
				b.visit = f.Value
			}
		}
		if err != nil {
			return fmt.Errorf("client: %s: %w", name, err)
		}
	}
	return nil
}

// challenge opens a challenge as firmware does, and keeps the answer for the next request.
func (b *Box) challenge(text string) error {
	if !b.hasKey {
		return errors.New("it came before any key")
	}
	c, err := sec.OpenChallenge(text, b.shared)
	if err != nil {
		return err
	}
	b.id.Keys, b.shared, b.response = c.Keys, c.Keys.Next, c.Response()
	return nil
}

// list reads a line of the service list.
func (b *Box) list(value string) error {
	if value == "reset" {
		clear(b.places)
		return nil
	}
	fields := make(map[string]string)
	for _, f := range strings.Split(value, " ") {
		k, v, ok := strings.Cut(f, "=")
		if !ok {
			return fmt.Errorf("part %q is no name=value", f)
		}
		fields[k] = v
	}
	port, err := strconv.ParseUint(fields["port"], 10, 16)
	if err != nil || fields["name"] == "" || net.ParseIP(fields["host"]).To4() == nil {
		return fmt.Errorf("%q has no name, no dotted host or no port", value)
	}
	flags := uint64(0)
	if text, ok := fields["flags"]; ok {
		if flags, err = strconv.ParseUint(text, 0, 32); err != nil {
			return fmt.Errorf("%q has flags that are no number", value)
		}
	}
	p := Place{Addr: net.JoinHostPort(fields["host"], strconv.FormatUint(port, 10)), Flags: uint32(flags)}
	if old := b.places[fields["name"]]; old.Addr != p.Addr {
		b.drop(fields["name"])
	}
	b.places[fields["name"]] = p
	return nil
}

func (b *Box) trace(dir byte, line string) {
	if b.o.Trace != nil {
		b.o.Trace(dir, line)
	}
}
