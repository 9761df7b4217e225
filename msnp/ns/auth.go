package ns

import (
	"context"
	"errors"
	"strings"
	"time"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

const (
	// cvrFields is how many fields the shortest CVR has, that of MSNP2 and 3.
	cvrFields = 6
	// maxWord bounds what a client says of itself, as it is kept and echoed.
	maxWord = 64
	// hashLength is an MD5 digest in hex.
	hashLength = 32
	// maxTicket bounds a sign-in answer; tickets are short (msnp.md 4.5).
	maxTicket = 2048
)

// ver answers VER with exactly one dialect, and CVR0 if it was offered: aMSN
// gives up without it (msnp.md 4.1, 25.4).
func (s *session) ver(_ context.Context, cmd wire.Command) error {
	trid := cmd.Args[0]
	d, cvr0, ok := pick(cmd.Args[1:], s.c.Options().Dialects)
	if !ok {
		s.c.Reply("VER", trid, "0")
		return server.Quit("no dialect in common")
	}
	s.dialect, s.traits = d, &dialects[d]
	s.enter(stVersioned)
	if cvr0 {
		s.c.Reply("VER", trid, d.String(), "CVR0")
	} else {
		s.c.Reply("VER", trid, d.String())
	}
	return nil
}

// verAgain: a dialect is chosen once.
func verAgain(server.State) error {
	return wire.Fail(wire.ErrUnexpected, errors.New("VER twice"))
}

// inf names the sign-in method up to MSNP7; MSNP8 has no INF (msnp.md 4.2).
func (s *session) inf(_ context.Context, cmd wire.Command) error {
	if !s.traits.inf {
		return server.Quit("INF in a dialect without it")
	}
	s.c.Reply("INF", cmd.Args[0], string(s.traits.method))
	return nil
}

// cvrLine answers CVR and CVQ with the client's own version, so that nothing is
// offered and nothing demanded (msnp.md 4.3).
func (s *session) cvrLine(_ context.Context, cmd wire.Command) error {
	f := cmd.Args[1:]
	if len(f) < cvrFields {
		return wire.Fail(wire.ErrMalformedCVR, nil)
	}
	s.cvr = server.CVR{OS: word(f[1]), Library: word(f[4]), Version: word(f[5])}
	if len(f) > cvrFields {
		s.cvr.Client = word(f[6])
	}
	v, url := s.cvr.Version, s.infoURL()
	s.c.Reply(cmd.Verb, cmd.Args[0], v, v, v, url, url)
	if s.acct != nil {
		s.acct.Identify(s.cvr) // what changes by it follows the answer
	}
	return nil
}

// infoURL is the one address that answers mention; it holds no space.
func (s *session) infoURL() string {
	if url := s.c.Options().InfoURL; url != "" {
		return url
	}
	return "http://" + hostname(s.c.Host()) + "/"
}

func word(w string) string { return strings.Clone(w[:min(len(w), maxWord)]) }

// hostname is host:port without the port; an IPv6 address keeps its brackets.
func hostname(hostport string) string {
	if i := strings.LastIndexByte(hostport, ':'); i > 0 {
		return hostport[:i]
	}
	return hostport
}

// usrAgain: signed in already, and stays so.
func usrAgain(st server.State) error {
	if st&stIn == 0 {
		return server.Quit("USR before VER")
	}
	return wire.Refuse(wire.ErrSignedIn)
}

// usr is the two steps of sign-in, `USR t method I address` and `USR t method S
// answer` (msnp.md 4.4, 4.5).
func (s *session) usr(ctx context.Context, cmd wire.Command) error {
	if cmd.Args[1] != string(s.traits.method) {
		return server.Quit("sign-in method of another dialect")
	}
	switch cmd.Args[2] {
	case "I":
		return s.usrInitial(ctx, cmd)
	case "S":
		return s.usrResponse(ctx, cmd)
	}
	return server.Quit("unknown step of USR")
}

func (s *session) usrInitial(ctx context.Context, cmd wire.Command) error {
	if len(cmd.Args) < 4 {
		return server.Quit("parameter missing")
	}
	address, ok := server.ParseAddress(cmd.Args[3])
	if !ok {
		return denied(errors.New("not an address"))
	}
	s.cancelLogin()
	login, err := s.c.Options().Backend.Login(ctx, s.client(), s.traits.method, address)
	if err != nil {
		return fatal(err)
	}
	s.login, s.address = login, address
	s.enter(stChallenged)
	s.c.Reply("USR", cmd.Args[0], string(s.traits.method), "S", login.Challenge())
	return nil
}

// usrResponse: a box whose service failed answers with several words or none;
// that is one more wrong answer (msnp.md 17.1).
func (s *session) usrResponse(ctx context.Context, cmd wire.Command) error {
	if s.state != stChallenged {
		return server.Quit("answer before the challenge")
	}
	// Verify is called once, so the attempt is used up whatever comes of it.
	login := s.login
	s.login = nil
	s.note = newNotifier(s)
	acct, err := s.attempt(ctx, login, cmd.Args[3:])
	if err != nil {
		login.Cancel()
		return fatal(err)
	}
	s.acct = acct
	s.c.SignedIn()
	s.enter(stSignedIn)
	me := acct.Self()
	out := append([]string{cmd.Args[0], "OK", me.Address, me.Shown()}, s.traits.okTail...)
	s.note.open(server.Principal{Person: me, Dialect: s.dialect, Session: acct}, s.profile(wire.AppendLine(nil, "USR", out...)))
	s.c.Log().Info("signed in", "account", me.Address, "dialect", s.dialect.String(),
		"remote", s.c.Client().Remote.Addr().String(), "os", s.cvr.OS, "library", s.cvr.Library, "version", s.cvr.Version)
	return nil
}

// attempt is verify for somebody who may be guessing: after too many wrong answers
// each further one comes late. A password can be guessed, so there one at a time is
// looked at, after its pause: many connections are no faster than one.
func (s *session) attempt(ctx context.Context, login server.Login, words []string) (server.Session, error) {
	key := failKey{server.Source(s.c.Client().Remote.Addr()), s.address}
	if v, ok := login.(server.Voucher); s.traits.method != server.MD5 || ok && v.Vouched() {
		acct, err := s.verify(ctx, login, words)
		if isWrong(err) && s.sh.fails.add(key, s.c.Options().Now()) {
			s.c.Pause(failPause)
		}
		return acct, err
	}
	late, ok := s.sh.fails.begin(key, s.c.Options().Now())
	if !ok {
		s.c.Pause(failPause) // a connection that ends at once would be the next one sooner
		return nil, denied(errors.New("one of too many attempts at once"))
	}
	wrong := true // a panic is no way around either
	defer func() { s.sh.fails.end(key, late, wrong) }()
	if late {
		s.c.Pause(failPause)
	}
	acct, err := s.verify(ctx, login, words)
	wrong = isWrong(err)
	return acct, err
}

// isWrong tells of a wrong answer; an error of ours is none.
func isWrong(err error) bool {
	var refusal *wire.Error
	return errors.As(err, &refusal) && refusal.Code == wire.ErrAuthFailed
}

func (s *session) verify(ctx context.Context, login server.Login, words []string) (server.Session, error) {
	if len(words) != 1 || len(words[0]) > maxTicket || s.traits.method == server.MD5 && !isHash(words[0]) {
		return nil, denied(errors.New("not an answer"))
	}
	return login.Verify(ctx, words[0], s.note)
}

// isHash: 32 hex digits in either case.
func isHash(w string) bool {
	if len(w) != hashLength {
		return false
	}
	for i := range len(w) {
		c := w[i] | 0x20
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (s *session) cancelLogin() {
	if s.login != nil {
		s.login.Cancel()
		s.login = nil
	}
}

func denied(cause error) error { return wire.Fail(wire.ErrAuthFailed, cause) }

// fatal: every refusal of a sign-in ends the connection, whatever the number.
func fatal(err error) error {
	var e *wire.Error
	if errors.As(err, &e) && !e.Fatal {
		return wire.Fail(e.Code, e.Cause)
	}
	return err
}

// failPause is what a guesser waits for each further answer (msnp.md 15).
const failPause = 3 * time.Second
