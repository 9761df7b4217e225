package ns

import (
	"context"
	"time"

	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

// States of a connection (msnp.md 3).
const (
	stNew        server.State = 1 << iota // S0
	stVersioned                           // S1
	stChallenged                          // S2
	stSignedIn                            // S3: no status yet
	stPresent                             // S4

	stLogin = stNew | stVersioned | stChallenged
	stIn    = stSignedIn | stPresent
)

// Service is the notification server for server.Options.
func Service() server.Service {
	s := &shared{fails: newFailures()}
	return server.Service{Name: "ns", First: []string{"VER"}, Accept: s.accept}
}

// shared is what the connections of one server have in common.
type shared struct{ fails *failures }

// session is one notification connection.
type session struct {
	sh      *shared
	c       *server.Conn
	state   server.State
	dialect wire.Dialect
	traits  *traits
	cvr     server.CVR
	address string       // of the sign-in under way
	login   server.Login // set in S2
	acct    server.Session
	note    *notifier // set from S2 on
	left    bool      // the client said OUT
	renames server.Bucket
	proof   proof // of CHL
}

func (sh *shared) accept(c *server.Conn) server.Handler {
	return &session{
		sh: sh, c: c, state: stNew, traits: &dialects[wire.MSNP2],
		renames: server.NewBucket(c.Options().Limits.Renames),
	}
}

// commands of the notification server (msnp.md 18.2).
var commands = server.Table[*session]{
	Early: stLogin,
	Commands: map[string]server.Command[*session]{
		"VER": {In: stNew, Run: (*session).ver, Else: verAgain},
		"INF": {In: stVersioned | stIn, Run: (*session).inf},
		"CVR": {In: stVersioned | stChallenged | stIn, Run: (*session).cvrLine},
		"CVQ": {In: stVersioned | stChallenged | stIn, Run: (*session).cvrLine},
		"USR": {In: stVersioned | stChallenged, Args: 2, Run: (*session).usr, Else: usrAgain},
		"SYN": {In: stIn, Pace: server.PaceFree, Run: (*session).syn},
		"CHG": {In: stIn, Args: 1, Run: (*session).chg},
		"ADD": {In: stIn, Args: 2, Run: (*session).add},
		"REM": {In: stIn, Args: 2, Run: (*session).rem},
		"REA": {In: stIn, Args: 1, Pace: server.PaceFree, Run: (*session).rea},
		"BLP": {In: stIn, Args: 1, Run: (*session).blp},
		"GTC": {In: stIn, Args: 1, Run: (*session).gtc},
		"LST": {In: stIn, Args: 1, To: wire.MSNP7, Run: (*session).lst},
		"LSG": {In: stIn, From: wire.MSNP7, To: wire.MSNP7, Run: (*session).lsg},
		"ADG": {In: stIn, Args: 1, From: wire.MSNP7, Run: (*session).adg},
		"RMG": {In: stIn, Args: 1, From: wire.MSNP7, Run: (*session).rmg},
		"REG": {In: stIn, Args: 2, From: wire.MSNP7, Run: (*session).reg},
		"PRP": {In: stIn, Args: 1, From: wire.MSNP5, Run: (*session).prp},
		"IMS": {In: stIn, Args: 1, Run: (*session).ims},
		"QRY": {In: stIn, Args: 2, From: wire.MSNP6, Run: (*session).qry},
		"CHL": {In: stIn, From: wire.MSNP6, Run: (*session).chl},
		"URL": {In: stIn, Args: 1, Run: (*session).url},
		"SND": {In: stIn, Args: 1, Run: (*session).snd},
		"SDC": {In: stIn, Args: 1, From: wire.MSNP5, Run: (*session).snd},
		"FND": {In: stIn, Run: (*session).fnd},
		"XFR": {In: stIn, Args: 1, Run: (*session).xfr},
		"PNG": {In: stIn, Bare: true, Run: (*session).png},
		"OUT": {In: stLogin | stIn, Bare: true, Run: (*session).out},
	},
}

// Handle implements server.Handler.
func (s *session) Handle(ctx context.Context, cmd wire.Command) error {
	ctx, cancel := context.WithTimeout(ctx, server.CallTime)
	defer cancel()
	do := func() error { return commands.Do(ctx, s.c, s, s.state, s.dialect, cmd) }
	var err error
	if s.state&stLogin != 0 {
		err = s.c.Deep(do) // credentials and lists come from far down
	} else {
		err = do()
	}
	if s.state == stSignedIn {
		s.c.SetDeadline(time.Now().Add(server.StatusTime))
	}
	return err
}

// Payload implements server.Handler. MSG on a notification server closes before
// its payload is read; so does any payload before sign-in.
func (s *session) Payload(verb string, args []string) (int, bool, error) {
	n, ok, err := wire.FromClient(verb, args)
	if ok && (verb == "MSG" || s.state&stLogin != 0) {
		return 0, false, &wire.ProtocolError{Reason: "payload not allowed here"}
	}
	return n, ok, err
}

// Shutdown implements server.Handler.
func (s *session) Shutdown() {
	s.c.Push("OUT", string(server.ShuttingDown))
	s.c.End("shutdown")
}

// End implements server.Handler.
func (s *session) End() {
	if s.acct == nil {
		s.cancelLogin()
		return
	}
	s.proof.stop()
	kicked := s.note.stop()
	if b := s.c.Options().Boards; b != nil {
		b.End(s.acct, kicked)
	}
	if d, ok := s.acct.(server.Dropper); ok && !s.left && !kicked {
		d.Dropped()
		return
	}
	s.acct.Done()
}

// principal is the account as others get to know it now.
func (s *session) principal() server.Principal {
	return server.Principal{Person: s.acct.Self(), Dialect: s.dialect, Session: s.acct}
}

// client is what the backend is told of the program at the other end.
func (s *session) client() server.Client {
	c := s.c.Client()
	c.Dialect, c.CVR = s.dialect, s.cvr
	return c
}

// enter changes the state and with it how long the client may take.
func (s *session) enter(st server.State) {
	s.state = st
	now := time.Now()
	switch st {
	case stChallenged:
		s.c.SetDeadline(now.Add(server.ChallengeTime))
	case stSignedIn:
		s.c.SetDeadline(now.Add(server.StatusTime))
	case stPresent:
		s.c.SetDeadline(time.Time{}) // a box need not send PNG (msnp.md 3)
	}
}

// line appends a line without the parameters at its end that are empty.
func line(dst []byte, verb string, args ...string) []byte {
	for len(args) > 0 && args[len(args)-1] == "" {
		args = args[:len(args)-1]
	}
	return wire.AppendLine(dst, verb, args...)
}
