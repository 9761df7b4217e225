package service

import (
	"strings"
	"testing"

	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// userOf is the user whom a ticket is for.
func (d *desk) userOf(resp *server.Response) int {
	d.t.Helper()
	o, err := d.s.OpenTicket(resp.Header.Value("wtv-ticket"))
	if err != nil {
		d.t.Fatalf("%s%v", golden(d.t, resp), err)
	}
	return o.UserID
}

// TestUsers: a box with several users is asked who is there, and stays that one
// when it comes back.
func TestUsers(t *testing.T) {
	d := newDesk(t)
	ticket := d.signOn("family")
	resp := d.ask("wtv-head-waiter:/login-stage-two?", d.secure(ticket))
	wantGolden(t, resp, "200 OK close=false\nExpires: "+noCache+"\nwtv-expire-all: wtv-head-waiter:\nwtv-ticket: <84 bytes>\nwtv-visit: wtv-head-waiter:/choose-user?\n")
	list := d.ask("wtv-head-waiter:/choose-user?", d.secure(ticket))
	for _, want := range []string{`<a href="wtv-head-waiter:/login-stage-two?user=0">mum@webtv.local</a>`, `<a href="wtv-head-waiter:/login-stage-two?user=2">son&amp;co@webtv.local</a>`} {
		if list.Status != 200 || !strings.Contains(string(list.Body), want) {
			t.Errorf("no %q in\n%s", want, list.Body)
		}
	}
	for _, bad := range []string{"user=1", "user=-1", "user=x", "user=", "%zz"} {
		if resp := d.ask("wtv-head-waiter:/login-stage-two?"+bad, d.secure(ticket)); resp.Header.Value("wtv-visit") != chooseUserURL || d.userOf(resp) != 0 {
			t.Errorf("%s: %s", bad, golden(t, resp))
		}
	}
	son := d.ask("wtv-head-waiter:/login-stage-two?user=2", d.secure(ticket))
	if d.userOf(son) != 2 || son.Header.Value("user-id") == "" || son.Header.Value("wtv-visit") != HomeURL {
		t.Fatalf("%s", golden(t, son))
	}
	for _, url := range []string{"wtv-head-waiter:/relogin?", "wtv-head-waiter:/reconnect?"} {
		back := d.ask(url, d.secure(son.Header.Value("wtv-ticket")))
		if d.userOf(back) != 2 || back.Header.Value("user-id") == "" {
			t.Errorf("%s: %s", url, golden(t, back))
		}
	}
	only := d.ask("wtv-head-waiter:/login-stage-two?", d.secure(d.signOn("tenant")))
	if d.userOf(only) != 3 || only.Header.Value("user-id") == "" {
		t.Errorf("the only user: %s", golden(t, only))
	}
	nobody := d.secure(d.signOn("nobody"))
	for _, url := range []string{"wtv-head-waiter:/login-stage-two?", "wtv-head-waiter:/choose-user?"} {
		if resp := d.ask(url, nobody); resp.Status != 500 || resp.Text != TextUnavailable {
			t.Errorf("%s: %d %s", url, resp.Status, resp.Text)
		}
		if resp := d.ask(url, plain("family"), wire.Field{Name: "wtv-ticket", Value: "AAAA"}); resp.Status != 500 || resp.Text != TextSignOff {
			t.Errorf("%s with a bad ticket: %d %s", url, resp.Status, resp.Text)
		}
	}
}
