package box

import (
	"context"
	"errors"
	"strings"
	"testing"

	"wtvgate/bridge"
	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/passport"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
	wtvp "wtvgate/wtvp/client"
)

func TestSignInOfEachDialect(t *testing.T) {
	for d := wire.MSNP2; d <= wire.MSNP8; d++ {
		t.Run(d.String(), func(t *testing.T) {
			r := newRig(t)
			b := r.online("alice", d)
			if p := b.Self(); p.Address != "alice@webtv.local" || p.Name != "Alice" {
				t.Errorf("signed in as %+v", p)
			}
			if b.roster.Version != 1 {
				t.Errorf("list version %d, want 1", b.roster.Version)
			}
		})
	}
}

// refuses wants a sign-in to fail with 911 and the reason in the log.
func (r *rig) refuses(o msnp.Options, reason string) {
	r.t.Helper()
	c, err := msnp.SignIn(r.t.Context(), r.msnp, o)
	if err == nil {
		c.Close()
		r.t.Fatal("signed in")
	}
	refused(r.t, err, wire.ErrAuthFailed)
	r.log.says(r.t, reason)
}

func TestRefusedSignIns(t *testing.T) {
	for _, d := range []wire.Dialect{wire.MSNP6, wire.MSNP8} {
		t.Run(d.String(), func(t *testing.T) {
			r := newRig(t)
			o := msnp.Options{Address: "alice@webtv.local", Dialects: []wire.Dialect{d}, Credential: msnp.Password("guess")}
			r.refuses(o, "wrong answer to the challenge")
			o.Address = "nobody@webtv.local"
			r.refuses(o, "no such account")
			o.Address = "alice@example.org"
			r.refuses(o, "no address of ours")
		})
	}
}

// TestAnswersWorkOnce: neither the digest nor the ticket of one sign-in opens
// another, nor does a ticket of another account's.
func TestAnswersWorkOnce(t *testing.T) {
	for _, d := range []wire.Dialect{wire.MSNP6, wire.MSNP8} {
		t.Run(d.String(), func(t *testing.T) {
			r := newRig(t)
			var stolen string
			r.signInAs(msnp.Options{Address: "alice@webtv.local", Dialects: []wire.Dialect{d},
				Credential: func(ctx context.Context, ch string) (s string, err error) {
					stolen, err = r.credential("alice")(ctx, ch)
					return stolen, err
				}})
			r.refuses(msnp.Options{Address: "alice@webtv.local", Dialects: []wire.Dialect{d}, Credential: msnp.Ticket(stolen)},
				"wrong answer to the challenge")
		})
	}
}

func TestMessengerLoginRefusals(t *testing.T) {
	r := newRig(t)
	ask := func(name, challenge string) error {
		_, err := r.credential(name)(t.Context(), challenge)
		return err
	}
	wants := func(err error, text, reason string) {
		t.Helper()
		var se *wtvp.StatusError
		if !errors.As(err, &se) || se.Status != 500 || se.Text != text {
			t.Fatalf("got %v, want 500 %s", err, text)
		}
		r.log.says(t, reason)
	}
	wants(ask("alice", "1013928519.693957190"), textStale, "never given out")
	wants(ask("alice", "ct=1,lc=1033"), textStale, "never given out")
	var open string
	_, err := msnp.SignIn(t.Context(), r.msnp, msnp.Options{Address: "alice@webtv.local", Dialects: []wire.Dialect{wire.MSNP6},
		Credential: func(ctx context.Context, ch string) (string, error) {
			open = ch
			wants(ask("carol", ch), textForeign, "was given to alice@webtv.local, but the box is linked to carol@webtv.local")
			wants(ask("xaver", ch), textUnlinked, "link-box ADDRESS --ssid "+ssid("xaver"))
			return "", errors.New("hung up")
		}})
	if err == nil {
		t.Fatal("signed in")
	}
	// The connection is gone, and its challenge with it: but the server must
	// have noticed, which another sign-in on it cannot show. Ask until it has.
	for ask("alice", open) == nil {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	wants(ask("alice", open), textStale, "never given out")
}

func TestTicketIsTheSameWhenABoxAsksTwice(t *testing.T) {
	r := newRig(t)
	r.signInAs(msnp.Options{Address: "alice@webtv.local", Credential: func(ctx context.Context, ch string) (string, error) {
		one, err := r.credential("alice")(ctx, ch)
		if err != nil {
			return "", err
		}
		two, err := r.credential("alice")(ctx, ch)
		if one != two {
			t.Errorf("first %q, then %q", one, two)
		}
		return two, err
	}})
}

func TestFirstBox(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	o := msnp.Options{Address: "newcomer@webtv.local", Credential: r.credential("newcomer")}
	r.signInAs(o).Close()
	// It is bound to that box: no other takes it over, nor an account the
	// operator made.
	o.Credential = r.credential("thief")
	if _, err := msnp.SignIn(t.Context(), r.msnp, o); err == nil {
		t.Error("another box took the account over")
	}
	if err := r.hub.CreateAccount(t.Context(), bridge.NewAccount{Address: "empty@webtv.local"}); err != nil {
		t.Fatal(err)
	}
	if _, err := msnp.SignIn(t.Context(), r.msnp, msnp.Options{Address: "empty@webtv.local", Credential: r.credential("thief")}); err == nil {
		t.Error("a box took an account that the operator made")
	}
	o.Credential = r.credential("newcomer")
	r.signInAs(o)
}

func TestPasswordsOfPCClients(t *testing.T) {
	r := newRig(t)
	o := msnp.Options{Address: "carol@webtv.local", Dialects: []wire.Dialect{wire.MSNP7}, Credential: msnp.Password("hunter22")}
	if err := r.hub.SetPassword(t.Context(), acct("carol"), "hunter22", false); err != nil {
		t.Fatal(err)
	}
	r.refuses(o, "wrong answer") // hashed only: MD5 cannot be checked
	if err := r.hub.SetPassword(t.Context(), acct("carol"), "hunter22", true); err != nil {
		t.Fatal(err)
	}
	r.signInAs(o)
}

func TestSecondSignIn(t *testing.T) {
	r := newRig(t)
	watcher := r.online("carol", wire.MSNP8)
	watcher.add(wire.Forward, "alice@webtv.local")
	first := r.online("alice", wire.MSNP6)
	if p := next[msnp.Presence](t, watcher.Events()); p.Status != wire.Online {
		t.Fatalf("carol sees %+v", p)
	}
	second := r.online("alice", wire.MSNP8)
	if k := next[msnp.Kicked](t, first.Events()); k.Reason != "OTH" {
		t.Errorf("the first session was told %q", k.Reason)
	}
	next[msnp.Closed](t, first.Events())
	none[msnp.Presence](watcher) // no flicker
	if err := second.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := next[msnp.Presence](t, watcher.Events()); p.Status != wire.Offline {
		t.Errorf("after the sign-out carol sees %+v", p)
	}
}

// TestQuickSecondSignInReadsNothingTwice: the first session has read a message
// whose delivery is not stored yet.
func TestQuickSecondSignInReadsNothingTwice(t *testing.T) {
	r := newRig(t)
	for range 20 {
		b := r.online("alice", wire.MSNP8)
		talk := b.open(echo)
		talk.say("once")
		talk.reads("once") // and not a late one of the session before
		b.Close()
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	r := newRig(t)
	var answers []string
	for _, d := range []wire.Dialect{wire.MSNP6, wire.MSNP8} {
		b := r.signInAs(msnp.Options{Address: "alice@webtv.local", Dialects: []wire.Dialect{d},
			Credential: func(ctx context.Context, ch string) (string, error) {
				s, err := r.credential("alice")(ctx, ch)
				answers = append(answers, s)
				return s, err
			}})
		b.status(wire.Online)
		talk := b.open(echo)
		talk.say("a very private sentence")
		talk.reads("a very private sentence")
		b.Close()
	}
	secret, err := r.st.Secret(t.Context(), acct("alice"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(answers, secret, "a very private sentence", r.key.Base64()) {
		if strings.Contains(r.log.String(), strings.TrimSuffix(strings.TrimPrefix(s, "t="), "&p=")) {
			t.Errorf("%q stands in the log", s)
		}
	}
}

// TestSignInQueue: a crowd signs in a few at a time, and who waited too long is told
// that the service is busy, not that the answer was wrong.
func TestSignInQueue(t *testing.T) {
	onStage(t, FlattenNobody, func(s *stage) {
		for range maxSignIns {
			s.gw.signIns <- struct{}{}
		}
		secret, err := s.hub.Secrets().BoxSecret(s.t.Context(), acct("alice"))
		if err != nil {
			s.t.Fatal(err)
		}
		verify := func(ctx context.Context) error {
			l, err := s.gw.Login(ctx, pcClient, server.MD5, "alice@webtv.local")
			if err != nil {
				s.t.Fatal(err)
			}
			_, err = l.Verify(ctx, passport.MD5Response(l.Challenge(), secret), &actor{t: s.t})
			return err
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), server.CallTime)
		defer cancel()
		var refusal *wire.Error
		if err := verify(ctx); !errors.As(err, &refusal) || refusal.Code != wire.ErrAuthBusy {
			s.t.Errorf("a full queue: %v, want %d", err, wire.ErrAuthBusy)
		}
		<-s.gw.signIns
		if err := verify(s.t.Context()); err != nil {
			s.t.Errorf("with room: %v", err)
		}
		for range maxSignIns - 1 {
			<-s.gw.signIns
		}
	})
}
