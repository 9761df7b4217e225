package box

import (
	"testing"

	"wtvgate/msnp/server"
	"wtvgate/wtvp/service"
)

// A sign-in is vouched for once its own box was told the answer, and not when a box of
// somebody else asked.
func TestABoxVouchesForItsSignIn(t *testing.T) {
	r := newRig(t, func(o *Options) { o.FirstBox = true })
	l, err := r.gw.Login(t.Context(), server.Client{}, server.MD5, "new@webtv.local")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Cancel()
	vouched := func() bool { return l.(server.Voucher).Vouched() }
	mine := service.Box{SSID: "81mine", Named: true}
	if vouched() {
		t.Error("vouched for by nobody")
	}
	if _, err := r.gw.MessengerLogin(t.Context(), mine, l.Challenge()); err != nil || !vouched() {
		t.Errorf("not vouched for by its box: %v", err)
	}
	again, err := r.gw.Login(t.Context(), server.Client{}, server.MD5, "new@webtv.local")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Cancel()
	if _, err := r.gw.MessengerLogin(t.Context(), service.Box{SSID: "81other", Named: true}, again.Challenge()); err == nil || again.(server.Voucher).Vouched() {
		t.Errorf("vouched for by another box: %v", err)
	}
}
