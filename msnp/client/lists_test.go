package client

import (
	"errors"
	"reflect"
	"testing"

	"wtvgate/msnp/wire"
)

func TestLists(t *testing.T) {
	ctx := testContext(t)
	s, c := signIn7Client(t, ctx, signIn7+`NS C: ADD 4 FL carol@example.net Carol%20M 2
NS S: ADD 0 RL 5 bob@example.net Bob%20Smith
NS S: ADD 4 FL 6 Carol@example.net Carol%20M 2
NS S: BPR 6 carol@example.net PHH
NS S: ILN 4 BSY carol@example.net Carol%20M
NS C: REM 5 FL carol@example.net 2
NS S: REM 5 FL 7 carol@example.net 2
NS C: REA 6 alice@example.net 50%25%20off%20+1
NS S: REA 6 8 alice@example.net 50%25%20off%20+1
NS C: REA 7 bob@example.net Bobby
NS S: REA 7 9 bob@example.net Bobby
NS C: BLP 8 BL
NS S: BLP 8 10 BL
NS C: BLP 9 BL
NS S: 218 9
NS C: GTC 10 N
NS S: GTC 10 11 N
NS S: REM 0 RL 12 bob@example.net
NS S: FLN carol@example.net
NS C: IMS 11 OFF
NS S: IMS 11 0 OFF
NS C: CHG 12 HDN
NS S: CHG 12 HDN
NS C: XFR 13 SB
NS S: 913 13
NS C: ADD 14 FL x x
NS S: ADD 14 FL x
NS C: XFR 15 SB
NS S: XFR 15 SB host
NS C: OUT
NS S: [closed]`)
	check := func(what string, got Change, err error, want Change) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	ch, err := c.Add(ctx, wire.Forward, "carol@example.net", "Carol M", 2)
	check("ADD", ch, err, Change{6, carol, 2})
	ch, err = c.Remove(ctx, wire.Forward, "carol@example.net", 2)
	check("REM", ch, err, Change{7, Person{Address: "carol@example.net"}, 2})
	ch, err = c.Rename(ctx, "alice@example.net", "50% off +1")
	check("REA own", ch, err, Change{8, Person{"alice@example.net", "50% off +1"}, -1})
	ch, err = c.Rename(ctx, "bob@example.net", "Bobby")
	check("REA", ch, err, Change{9, Person{"bob@example.net", "Bobby"}, -1})
	if c.Self().Name != "50% off +1" {
		t.Errorf("self %+v", c.Self())
	}
	if v, err := c.SetPrivacy(ctx, "BL"); v != 10 || err != nil {
		t.Errorf("BLP: %d, %v", v, err)
	}
	if _, err := c.SetPrivacy(ctx, "BL"); code(err) != wire.ErrAlreadyInMode || err.Error() != "client: BLP: msnp: error 218" {
		t.Errorf("BLP again: %v", err)
	}
	if v, err := c.SetPrompt(ctx, "N"); v != 11 || err != nil {
		t.Errorf("GTC: %d, %v", v, err)
	}
	if err := errors.Join(c.SetInvitations(ctx, false), c.SetStatus(ctx, wire.Hidden)); err != nil {
		t.Error(err)
	}
	if _, err := c.OpenBoard(ctx); code(err) != wire.ErrHidden {
		t.Errorf("XFR: %v", err)
	}
	if _, err := c.Add(ctx, wire.Forward, "x", "", -1); err == nil || code(err) != 0 {
		t.Errorf("an ADD cut short: %v", err)
	}
	if _, err := c.OpenBoard(ctx); err == nil || code(err) != 0 {
		t.Errorf("an XFR cut short: %v", err)
	}
	if err := c.SignOut(ctx); err != nil {
		t.Error(err)
	}
	var got []Event
	for e := range c.Events() {
		got = append(got, e)
	}
	want := []Event{
		Added{Person: bob, List: wire.Reverse, Version: 5},
		Other{wire.Command{Verb: "BPR", Args: []string{"6", "carol@example.net", "PHH"}}},
		Presence{Person: carol, Status: wire.Busy, Initial: true},
		Removed{Address: "bob@example.net", List: wire.Reverse, Version: 12},
		Presence{Person: Person{Address: "carol@example.net"}, Status: wire.Offline},
		Closed{},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("events %+v", got)
	}
	s.finish(t)
	if err := c.SignOut(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("again: %v", err)
	}
}

func TestNotices(t *testing.T) {
	for line, want := range map[string]Event{
		"ILN 5 NLN a@b.c A 1073741824":      Presence{Person: Person{"a@b.c", "A"}, Status: "NLN", ClientID: "1073741824", Initial: true},
		"NLN IDL A@B.c A%20B":               Presence{Person: Person{"a@b.c", "A B"}, Status: "IDL"},
		"RNG 7 h:1863 CKI 1.2 a@b.c A":      Ringing{Session: 7, Host: "h:1863", Cookie: "1.2", From: Person{"a@b.c", "A"}},
		"OUT SSD":                           Kicked{"SSD"},
		"OUT":                               Kicked{},
		"ADD 0 RL x a@b.c A":                Added{Person: Person{"a@b.c", "A"}, List: wire.Reverse},
		"RNG 99999999999 h CKI 1.2 a@b.c A": nil, "RNG 7 h CKI 1.2 a@b.c": nil, "NLN NLN a": nil, "ILN 5 NLN a": nil, "FLN": nil,
		"ADD 0 FL 1 a@b.c A": Added{Person: Person{"a@b.c", "A"}, List: wire.Forward, Version: 1}, "ADD 7 FL 1 a@b.c A": nil, "ADD 0 XX 1 a@b.c A": nil, "REM 0 RL 1": nil, "CHL 0 123": nil, "XFR 0 NS h:1": nil,
	} {
		got := noticeEvent(command(line))
		if want == nil {
			want = Other{command(line)}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", line, got)
		}
	}
	for payload, minutes := range map[string]int{
		"MIME-Version: 1.0\r\nContent-Type: application/x-msmsgssystemmessage\r\n\r\nType: 1\r\nArg1: 5\r\n": 5,
		"MIME-Version: 1.0\r\nContent-Type: application/x-msmsgssystemmessage\r\n\r\nType: 2\r\nArg1: 5\r\n": 0,
		"MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsinitialemailnotification\r\n\r\nInbox-Unread: 1":    0,
		"": 0,
	} {
		cmd := command("MSG Hotmail Hotmail 1")
		cmd.Payload = []byte(payload)
		m, ok := noticeEvent(cmd).(SystemMessage)
		if !ok || m.Minutes != minutes || string(m.Raw) != payload {
			t.Errorf("%q: %+v", payload, m)
		}
	}
	for _, e := range []Event{Presence{}, Added{}, Removed{}, Ringing{}, Profile{}, SystemMessage{}, Kicked{}, Other{}, Joined{}, Left{}, Message{}, Undelivered{}, Closed{}} {
		e.event()
	}
}
