package service

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

const boxSSID = "81a7b50070b002bf"

// people knows the accounts of a few boxes.
type people map[string]Subscriber

func (p people) Subscriber(_ context.Context, b Box) (Subscriber, error) {
	switch b.SSID {
	case "fire":
		return Subscriber{}, errors.New("the store is on fire")
	case "banned":
		return Subscriber{}, &Refusal{Text: "Go away.", Reason: "banned", Status: 403}
	}
	if !b.Named {
		return Subscriber{}, errors.New("a box that no ticket names")
	}
	if s, ok := p[b.SSID]; ok {
		return s, nil
	}
	return Subscriber{Domain: "webtv.local", MayRegister: true}, nil
}

func (p people) Register(_ context.Context, b Box, name string) (Subscriber, error) {
	if name == "taken" {
		return Subscriber{}, &Refusal{Text: "Taken.", Reason: "taken", Status: 400}
	}
	p[b.SSID] = Subscriber{User: name, Domain: "webtv.local", Name: name, Number: 8}
	return p[b.SSID], nil
}

func (p people) Users(_ context.Context, b Box) ([]User, error) {
	switch b.SSID {
	case "family":
		return []User{{0, "mum@webtv.local"}, {2, "son&co@webtv.local"}}, nil
	case "tenant":
		return []User{{3, "tenant@webtv.local"}}, nil
	case "nobody":
		return nil, errors.New("no users today")
	}
	return nil, nil
}

// desk is a sign-in under test, and the box before it.
type desk struct {
	t   *testing.T
	s   *Standalone
	now time.Time
	log strings.Builder
}

func newDesk(t *testing.T, change ...func(*Options)) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 11, 22, 8, 31, 16, 0, time.UTC)}
	sealer, err := sec.NewSealer(make([]byte, sec.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Sealer: sealer, Subscribers: people{boxSSID: {User: "alice", Domain: "webtv.local", Name: "Al\xefce\n", Number: 7}},
		Services: []Listed{
			{PreregisterName, 1615, FlagPlain, 1}, {HeadWaiterName, 1601, 0, 1}, {AnyService, 1601, FlagPlain | FlagOpen, 0},
			{HomeName, 1601, 0, 1}, {PassportName, 1654, 0, 1}, {"wtv-setup", 1601, 0x10, 3},
		},
		MessengerPort: 1863,
		Login:         wire.Header{{Name: "wtv-settings-url", Value: "wtv-setup:/get"}},
		Links:         []Link{{"Messenger <settings>", "wtv-setup:/messenger"}},
		Now:           func() time.Time { return d.now },
		Log:           slog.New(slog.NewTextHandler(&d.log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	d.s = NewStandalone(o)
	return d
}

// ask sends a request through the services as the server would.
func (d *desk) ask(url string, sess *server.Session, header ...wire.Field) *server.Response {
	d.t.Helper()
	u, err := wire.ParseURL(url)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.s.Handlers()[u.Service].ServeWTVP(d.t.Context(), &server.Request{Method: wire.MethodGet, URL: u, Header: header, Session: sess})
}

// plain is a box on a connection that is not secured; secure on one that is.
func plain(ssid string) *server.Session {
	return &server.Session{SSID: ssid, Remote: netip.MustParseAddrPort("198.51.100.7:4000"), Local: netip.MustParseAddrPort("192.0.2.7:1615"), Conn: 3}
}

func (d *desk) secure(ticket string) *server.Session {
	d.t.Helper()
	t, err := d.s.OpenTicket(ticket)
	if err != nil {
		d.t.Fatal(err)
	}
	sess := plain(t.SSID)
	sess.Secured, sess.Named, sess.UserID, sess.Keys = true, true, t.UserID, t.Keys
	return sess
}

// golden renders an answer with what is random in it replaced.
func golden(t *testing.T, r *server.Response) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s close=%v\n", r.Status, r.Text, r.Close)
	for _, f := range r.Header {
		if f.Name == "wtv-challenge" || f.Name == "wtv-ticket" {
			raw, err := base64.StdEncoding.DecodeString(f.Value)
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			f.Value = fmt.Sprintf("<%d bytes>", len(raw))
		}
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	return b.String()
}

func wantGolden(t *testing.T, r *server.Response, want string) {
	t.Helper()
	if got := golden(t, r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const goldenPreregister = `200 OK close=false
wtv-initial-key: a3+VKd3yqes=
wtv-service: reset
wtv-service: name=wtv-1800 host=192.0.2.7 port=1615 flags=0x00000001 connections=1
wtv-service: name=wtv-head-waiter host=192.0.2.7 port=1601 connections=1
wtv-service: name=wtv-* host=192.0.2.7 port=1601 flags=0x00000005
wtv-boot-url: wtv-head-waiter:/relogin?relogin=true
wtv-visit: wtv-head-waiter:/login?
wtv-country: US
wtv-language-header: en-US,en
wtv-client-time-zone: GMT -0000
wtv-client-time-dst-rule: GMT
wtv-client-date: Sun, 22 Nov 2026 08:31:16 GMT
`

const goldenLogin = `200 OK close=false
Expires: Wed, 09 Oct 1991 22:00:00 GMT
wtv-expire-all: wtv-head-waiter:
wtv-challenge: <112 bytes>
wtv-relogin-url: wtv-head-waiter:/relogin?relogin=true
wtv-reconnect-url: wtv-head-waiter:/reconnect?reconnect=true
wtv-boot-url: wtv-head-waiter:/relogin?relogin=true
wtv-home-url: wtv-home:/home?
wtv-visit: wtv-head-waiter:/validate-login?
`

const goldenTicket = `200 OK close=true
wtv-encrypted: true
wtv-ticket: <94 bytes>
wtv-visit: wtv-head-waiter:/login-stage-two?
`

const goldenStageTwo = `200 OK close=false
Expires: Wed, 09 Oct 1991 22:00:00 GMT
wtv-expire-all: wtv-head-waiter:
wtv-ticket: <94 bytes>
wtv-noback-all: wtv-
wtv-country: US
wtv-language-header: en-US,en
wtv-client-time-zone: GMT -0000
wtv-client-time-dst-rule: GMT
wtv-client-date: Sun, 22 Nov 2026 08:31:16 GMT
wtv-service: reset
wtv-service: name=wtv-1800 host=192.0.2.7 port=1615 flags=0x00000001 connections=1
wtv-service: name=wtv-head-waiter host=192.0.2.7 port=1601 connections=1
wtv-service: name=wtv-* host=192.0.2.7 port=1601 flags=0x00000005
wtv-service: name=wtv-home host=192.0.2.7 port=1601 connections=1
wtv-service: name=wtv-passport host=192.0.2.7 port=1654 connections=1
wtv-service: name=wtv-setup host=192.0.2.7 port=1601 flags=0x00000010 connections=3
wtv-messenger-authorized: 1
wtv-messenger-enable: 1
wtv-messenger-server: 192.0.2.7
wtv-messenger-login-url: wtv-passport:/messengerlogin
wtv-user-name: alice
wtv-domain: webtv.local
passport-domain: webtv.local
wtv-messenger-connect-timeout: 480
wtv-messenger-retry-interval: 40
wtv-messenger-passportd-timeout: 480
wtv-messenger-open-conversation-timeout: 480
wtv-human-name: Al?ce 
wtv-user-nick: alice
wtv-login-timeout: 7200
wtv-relogin-url: wtv-head-waiter:/relogin?relogin=true
wtv-reconnect-url: wtv-head-waiter:/reconnect?reconnect=true
wtv-boot-url: wtv-head-waiter:/relogin?relogin=true
wtv-home-url: wtv-home:/home?
wtv-settings-url: wtv-setup:/get
user-id: 7
wtv-visit: wtv-home:/home?
`

// signOn goes through the sign-in as a box does, and returns its ticket.
func (d *desk) signOn(ssid string) string {
	d.t.Helper()
	key, err := sec.ParseKey(d.ask("wtv-1800:/preregister?scriptless-visit-reason=10&0", plain(ssid)).Header.Value("wtv-initial-key"))
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := sec.OpenChallenge(d.ask("wtv-head-waiter:/login?", plain(ssid)).Header.Value("wtv-challenge"), key)
	if err != nil {
		d.t.Fatal(err)
	}
	resp := d.ask("wtv-head-waiter:/validate-login?", plain(ssid), wire.Field{Name: "wtv-challenge-response", Value: c.Response()})
	ticket := resp.Header.Value("wtv-ticket")
	if opened, err := d.s.OpenTicket(ticket); err != nil || opened.Keys != c.Keys || opened.SSID != ssid {
		d.t.Fatalf("after the challenge: %s%v", golden(d.t, resp), err)
	}
	return ticket
}

func TestEveryStepOfTheSignIn(t *testing.T) {
	d := newDesk(t)
	pre := d.ask("wtv-1800:/preregister?scriptless-visit-reason=10&0", plain(boxSSID))
	wantGolden(t, pre, goldenPreregister)
	key, err := sec.ParseKey(pre.Header.Value("wtv-initial-key"))
	if err != nil {
		t.Fatal(err)
	}
	login := d.ask("wtv-head-waiter:/login?", plain(boxSSID))
	wantGolden(t, login, goldenLogin)
	c, err := sec.OpenChallenge(login.Header.Value("wtv-challenge"), key)
	if err != nil {
		t.Fatal(err)
	}
	answer := wire.Field{Name: "wtv-challenge-response", Value: c.Response()}
	valid := d.ask("wtv-head-waiter:/validate-login?", plain(boxSSID), answer)
	wantGolden(t, valid, goldenTicket)
	ticket := valid.Header.Value("wtv-ticket")
	wantGolden(t, d.ask("wtv-head-waiter:/login-stage-two?", d.secure(ticket)), goldenStageTwo)
	// Plain, with the ticket as a header, or with the answer itself, as in the
	// shortest sign-in there is: the same. Only where the ticket is the first does the
	// connection end.
	more := strings.Replace(goldenStageTwo, "wtv-ticket", "wtv-encrypted: true\nwtv-ticket", 1)
	ticketField := wire.Field{Name: "wtv-ticket", Value: ticket}
	wantGolden(t, d.ask("wtv-head-waiter:/login-stage-two?", plain(boxSSID), ticketField), more)
	wantGolden(t, d.ask("wtv-head-waiter:/login-stage-two?", plain(boxSSID), answer), strings.Replace(more, "close=false", "close=true", 1))
	// A box that comes back.
	wantGolden(t, d.ask("wtv-head-waiter:/login?", plain(boxSSID), ticketField),
		"200 OK close=false\nExpires: "+noCache+"\nwtv-visit: wtv-head-waiter:/login-stage-two?\n")
	wantGolden(t, d.ask("wtv-head-waiter:/relogin?relogin=true", d.secure(ticket)), goldenStageTwo)
	wantGolden(t, d.ask("wtv-head-waiter:/reconnect?reconnect=true", d.secure(ticket)), strings.TrimSuffix(goldenStageTwo, "wtv-visit: wtv-home:/home?\n"))
	if n := strings.Count(d.log.String(), `msg="wtvp: a box signs on" ssid=`+boxSSID+" account=alice@webtv.local conn=3 remote=198.51.100.7:4000"); n != 5 {
		t.Errorf("%d lines of sign-ins, want 5:\n%s", n, d.log.String())
	}
	if strings.Contains(d.log.String(), ticket) {
		t.Error("the ticket is in the log")
	}
}

// TestLostBoxes: who has to sign on first is told so and sent to the beginning.
func TestLostBoxes(t *testing.T) {
	d := newDesk(t)
	ticket := d.signOn(boxSSID)
	field := wire.Field{Name: "wtv-ticket", Value: ticket}
	const back = "500 " + TextSignOff + " close=false\nwtv-service: reset\n" +
		"wtv-service: name=wtv-1800 host=192.0.2.7 port=1615 flags=0x00000001 connections=1\n" +
		"wtv-visit: wtv-1800:/preregister?scriptless-visit-reason=999\n"
	for _, url := range []string{"wtv-head-waiter:/validate-login?", "wtv-head-waiter:/login-stage-two?", "wtv-head-waiter:/relogin?", "wtv-head-waiter:/reconnect?",
		"wtv-head-waiter:/choose-user?", "wtv-home:/home?", "wtv-home:/choose-name?name=x"} {
		wantGolden(t, d.ask(url, plain(boxSSID)), back)
		wantGolden(t, d.ask(url, plain("81a7b50070b002be"), field), back) // another's ticket
		wantGolden(t, d.ask(url, plain(boxSSID), wire.Field{Name: "wtv-ticket", Value: ticket[:40]}), back)
	}
	d.now = d.now.Add(TicketLife - time.Second)
	if resp := d.ask("wtv-head-waiter:/relogin?", plain(boxSSID), field); resp.Status != 200 {
		t.Errorf("at the end of its life: %d %s", resp.Status, resp.Reason)
	}
	d.now = d.now.Add(time.Second)
	resp := d.ask("wtv-head-waiter:/relogin?", plain(boxSSID), field)
	wantGolden(t, resp, back)
	if !strings.Contains(resp.Reason, "ticket has expired") || strings.Contains(resp.Reason, ticket) {
		t.Errorf("reason %q", resp.Reason)
	}
	if resp := d.ask("wtv-head-waiter:/login?", plain(boxSSID), field); resp.Header.Value("wtv-challenge") == "" {
		t.Error("no challenge for a box with an old ticket")
	}
}

func TestSignInRefusals(t *testing.T) {
	d := newDesk(t)
	challenge := func(ssid string) string {
		c, err := sec.OpenChallenge(d.ask("wtv-head-waiter:/login?", plain(ssid)).Header.Value("wtv-challenge"), d.s.o.Sealer.InitialKey(ssid))
		if err != nil {
			t.Fatal(err)
		}
		return c.Response()
	}
	good := challenge(boxSSID)
	v6 := plain(boxSSID)
	v6.Local = netip.MustParseAddrPort("[2001:db8::1]:1615")
	long := plain(strings.Repeat("8", sec.MaxSealedSSID+1))
	late := func() { d.now = d.now.Add(11 * time.Minute) }
	for _, tt := range []struct {
		name, url string
		sess      *server.Session
		answer    string
		before    func()
		status    int
		text      string
	}{
		{"no SSID", "wtv-1800:/preregister", plain(""), "", nil, 500, TextNoSerial},
		{"long SSID", "wtv-1800:/preregister", long, "", nil, 500, TextNoSerial},
		{"no SSID", "wtv-head-waiter:/login?", plain(""), "", nil, 500, TextNoSerial},
		{"no SSID", "wtv-head-waiter:/validate-login?", plain(""), good, nil, 500, TextNoSerial},
		{"IPv6", "wtv-1800:/preregister", v6, "", nil, 500, server.TextNotSetUp},
		{"IPv6", "wtv-head-waiter:/login-stage-two?", v6, good, nil, 500, server.TextNotSetUp},
		{"path", "wtv-1800:/tellyscript", plain(boxSSID), "", nil, 404, server.TextNotFound},
		{"path", "wtv-home:/", plain(boxSSID), "", nil, 404, server.TextNotFound},
		{"junk", "wtv-head-waiter:/validate-login?", plain(boxSSID), "junk", nil, 500, TextWrongAnswer},
		{"another's", "wtv-head-waiter:/validate-login?", plain(boxSSID), challenge("81a7b50070b002be"), nil, 500, TextWrongAnswer},
		{"store", "wtv-head-waiter:/login-stage-two?", plain("fire"), challenge("fire"), nil, 500, TextUnavailable},
		{"banned", "wtv-head-waiter:/login-stage-two?", plain("banned"), challenge("banned"), nil, 403, "Go away."},
		{"late", "wtv-head-waiter:/validate-login?", plain(boxSSID), good, late, 500, TextWrongAnswer},
	} {
		if tt.before != nil {
			tt.before()
		}
		var h []wire.Field
		if tt.answer != "" {
			h = append(h, wire.Field{Name: "wtv-challenge-response", Value: tt.answer})
		}
		if resp := d.ask(tt.url, tt.sess, h...); resp.Status != tt.status || resp.Text != tt.text || resp.Reason == "" || resp.Header.Value("wtv-ticket") != "" {
			t.Errorf("%s %s: %d %s (%s), want %d %s", tt.name, tt.url, resp.Status, resp.Text, resp.Reason, tt.status, tt.text)
		}
	}
}

// TestAdvertised: what boxes are told is the setting, or what they reached.
func TestAdvertised(t *testing.T) {
	for _, tt := range []struct {
		host, messenger string
		port            uint16
		local           string
		wantList, want  string
	}{
		{"", "", 1863, "192.0.2.7:1", "host=192.0.2.7 port=1615", "192.0.2.7"},
		{"", "", 1863, "[::ffff:192.0.2.7]:1", "host=192.0.2.7 port=1615", "192.0.2.7"},
		{"203.0.113.5", "", 1863, "192.0.2.7:1", "host=203.0.113.5 port=1615", "203.0.113.5"},
		{"203.0.113.5", "chat.example.org", 1863, "[2001:db8::1]:1", "host=203.0.113.5 port=1615", "chat.example.org"},
		{"", "", 2863, "192.0.2.7:1", "host=192.0.2.7 port=1615", "192.0.2.7:2863"},
	} {
		d := newDesk(t, func(o *Options) {
			if tt.host != "" {
				o.Host = netip.MustParseAddr(tt.host)
			}
			o.MessengerHost, o.MessengerPort = tt.messenger, tt.port
		})
		sess := d.secure(d.signOn(boxSSID))
		sess.Local = netip.MustParseAddrPort(tt.local)
		resp := d.ask("wtv-head-waiter:/login-stage-two?", sess)
		if list := resp.Header.Values("wtv-service"); len(list) != 7 || !strings.Contains(list[1], tt.wantList) || resp.Header.Value("wtv-messenger-server") != tt.want {
			t.Errorf("%+v: %q, %q", tt, list, resp.Header.Value("wtv-messenger-server"))
		}
	}
}
