package box

import (
	"context"
	"strings"
	"testing"

	msnp "wtvgate/msnp/client"
	"wtvgate/msnp/passport"
	"wtvgate/msnp/wire"
)

// TestPassportTickets: in USR TWN S a ticket of Passport opens a session of the
// account it was issued for, once, in either form.
func TestPassportTickets(t *testing.T) {
	tickets := passport.NewTickets(nil)
	r := newRig(t, func(o *Options) { o.Tickets = tickets })
	as := func(name, answer string) msnp.Options {
		return msnp.Options{Address: string(acct(name)), Credential: msnp.Ticket(answer)}
	}
	for _, form := range []string{"%", "t=%&p="} {
		ticket := tickets.Issue("alice@webtv.local")
		answer := map[string]string{"%": ticket, "t=%&p=": "t=" + ticket + "&p="}[form]
		r.refuses(as("carol", answer), "wrong answer to the challenge")
		r.refuses(as("alice", strings.Replace(answer, ticket, ticket+"x", 1)), "wrong answer to the challenge")
		o := as("ALICE", answer) // as people write it
		if b := r.signInAs(o); b.Self().Address != "alice@webtv.local" {
			t.Errorf("signed in as %s", b.Self().Address)
		}
		r.refuses(as("alice", answer), "wrong answer to the challenge")
	}
	// A password sign-in of MSNP2-7 takes no ticket.
	o := as("alice", tickets.Issue("alice@webtv.local"))
	o.Dialects = []wire.Dialect{wire.MSNP7}
	if c, err := msnp.SignIn(t.Context(), r.msnp, o); err == nil {
		c.Close()
		t.Error("MD5 took a ticket")
	}
}

// TestMessengerloginsTicketsStayBound: what a box is handed for one challenge is
// no ticket of Passport's.
func TestMessengerloginsTicketsStayBound(t *testing.T) {
	tickets := passport.NewTickets(nil)
	r := newRig(t, func(o *Options) { o.Tickets = tickets })
	r.signInAs(msnp.Options{Address: "alice@webtv.local", Credential: func(ctx context.Context, ch string) (string, error) {
		answer, err := r.credential("alice")(ctx, ch)
		if err == nil {
			r.refuses(msnp.Options{Address: "alice@webtv.local", Credential: msnp.Ticket(answer)}, "wrong answer to the challenge")
		}
		return answer, err
	}})
}

func TestCheckPassword(t *testing.T) {
	r := newRig(t)
	if err := r.hub.SetPassword(t.Context(), acct("carol"), "hunter22", false); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		address, password string
		want              bool
	}{
		{"carol@webtv.local", "hunter22", true}, {"Carol@WebTV.local", "hunter22", true}, {"carol@webtv.local", "hunter2", false},
		{"carol@webtv.local", "", false}, {"alice@webtv.local", "", false}, {"alice@webtv.local", "hunter22", false},
		{"nobody@webtv.local", "hunter22", false}, {"carol@example.org", "hunter22", false}, {"", "hunter22", false},
	} {
		if got, err := r.gw.CheckPassword(t.Context(), tt.address, tt.password); got != tt.want || err != nil {
			t.Errorf("%s with %q: %v, %v", tt.address, tt.password, got, err)
		}
	}
}
