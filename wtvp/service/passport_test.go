package service

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

const oldPassword = "hunter2pw"

// oldAccount answers as the recorded server did for its one account.
type oldAccount struct{}

func (oldAccount) MessengerLogin(_ context.Context, _ Box, challenge string) (string, error) {
	if WantsTicket(challenge) {
		return "t=TESTTOKEN0123456789&p=", nil
	}
	sum := md5.Sum([]byte(challenge + oldPassword))
	return hex.EncodeToString(sum[:]), nil
}

// credentials is a function as Credentials.
type credentials func(ctx context.Context, box Box, challenge string) (string, error)

func (f credentials) MessengerLogin(ctx context.Context, box Box, challenge string) (string, error) {
	return f(ctx, box, challenge)
}

func secured() *server.Session {
	return &server.Session{
		Secured: true, SSID: "81a7b50070b002bf", UserID: 2, SigningKey: sec.Key{2, 4}, ROMType: "rom", SystemVersion: "16276",
		Capabilities: "3C04F199BDDEFCF", Remote: netip.MustParseAddrPort("10.0.0.9:1024"),
	}
}

func request(url string, s *server.Session) *server.Request {
	u, err := wire.ParseURL(url)
	if err != nil {
		panic(err)
	}
	return &server.Request{Method: wire.MethodGet, URL: u, Session: s}
}

func TestWantsTicket(t *testing.T) {
	for challenge, want := range map[string]bool{
		"1013928519.693957190":                        false,
		"ct=1,rver=1,wp=FS_40SEC_0_COMPACT,lc=1,id=1": true,
		"lc=1033,id=507,tw=40,fs=1,ru=x,ct=1":         true,
		"id=507,lc=1033,ct=1062764229":                true,
		"id=507,tpf=b0735e3a873dfb5e75054465196398e0": true,
		"id=507,kpp=1":                                false,
		"xct=1":                                       false,
		"":                                            false,
	} {
		if got := WantsTicket(challenge); got != want {
			t.Errorf("%s: %v", challenge, got)
		}
	}
}

// TestRefused is the column "ours" of section 10.4.
func TestRefused(t *testing.T) {
	asked := 0
	h := Passport(credentials(func(context.Context, Box, string) (string, error) { asked++; return "x", nil }))
	plain, nobody := secured(), secured()
	plain.Secured, nobody.SSID = false, ""
	long := strings.Repeat("c", MaxChallenge)
	put := request(LoginPath[1:]+":x", secured())
	put.Method, put.URL = wire.MethodPut, request("a:/messengerlogin?x", nil).URL
	tests := []struct {
		name   string
		r      *server.Request
		status int
		text   string
		reason string
	}{
		{"not secured", request("a:/messengerlogin?x", plain), 500, TextNotSecured, "without SECURE ON"},
		{"not secured, bad challenge", request("a:/messengerlogin", plain), 500, TextNotSecured, "without SECURE ON"},
		{"no serial number", request("a:/messengerlogin?x", nobody), 500, server.TextSignOn, "serial number"},
		{"no question mark", request("a:/messengerlogin", secured()), 400, TextBadChallenge, "question mark"},
		{"nothing after it", request("a:/messengerlogin?", secured()), 400, TextBadChallenge, "empty"},
		{"too long", request("a:/messengerlogin?c"+long, secured()), 400, TextBadChallenge, "longer than 2048"},
		{"binary", request("a:/messengerlogin?a\x01b", secured()), 400, TextBadChallenge, "not printable"},
		{"space", request("a:/messengerlogin?a b", secured()), 400, TextBadChallenge, "not printable"},
		{"DEL", request("a:/messengerlogin?a\x7f", secured()), 400, TextBadChallenge, "not printable"},
		{"Latin-1", request("a:/messengerlogin?\xe9", secured()), 400, TextBadChallenge, "not printable"},
		{"PUT", put, 400, TextBadChallenge, "method PUT"},
		{"other path", request("a:/messengerlogin2?x", secured()), 404, server.TextNotFound, "no such page"},
		{"other case", request("a:/MessengerLogin?x", secured()), 404, server.TextNotFound, "no such page"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.ServeWTVP(t.Context(), tt.r)
			if got.Status != tt.status || got.Text != tt.text || !strings.Contains(got.Reason, tt.reason) || got.Close {
				t.Errorf("%d %q (%s), want %d %q (%s)", got.Status, got.Text, got.Reason, tt.status, tt.text, tt.reason)
			}
			if len(got.Text) > wire.MaxStatusText || strings.Contains(got.Reason, "ccc") {
				t.Error("text is too long for an alert, or the challenge is in the reason")
			}
		})
	}
	if asked != 0 {
		t.Errorf("credentials were asked %d times", asked)
	}
	if got := h.ServeWTVP(t.Context(), request("a:/messengerlogin?"+long, secured())); got.Status != 200 || asked != 1 {
		t.Errorf("challenge of %d bytes: %d", len(long), got.Status)
	}
}

// TestPassedOn: Credentials see the box and the raw challenge: all after the first question mark.
func TestPassedOn(t *testing.T) {
	var box Box
	var challenge string
	h := Passport(credentials(func(ctx context.Context, b Box, c string) (string, error) {
		box, challenge = b, c
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > CredentialsTimeout {
			t.Error("no deadline")
		}
		return "t=a&p=b", nil
	}))
	const raw = "ct=1?x=%2F&y,ru=http:%2F%2Fa"
	got := h.ServeWTVP(t.Context(), request("wtv-passport:/messengerlogin?"+raw, secured()))
	want := &server.Response{
		Status: 200, Text: "OK", Header: wire.Header{{Name: "Expires", Value: "Wed, 09 Oct 1991 22:00:00 GMT"}},
		ContentType: "text/plain", Body: []byte("t=a&p=b"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	s := secured()
	if wantBox := (Box{s.SSID, false, s.UserID, s.Remote, s.SigningKey, s.ROMType, s.SystemVersion, s.Capabilities}); box != wantBox || challenge != raw {
		t.Errorf("%+v %q", box, challenge)
	}
	post := request("wtv-passport:/messengerlogin?x", s)
	post.Method, post.Body = wire.MethodPost, []byte("ignored")
	if got := h.ServeWTVP(t.Context(), post); got.Status != 200 || challenge != "x" {
		t.Errorf("POST: %+v", got)
	}
}

func TestCredentialsFail(t *testing.T) {
	tests := []struct {
		name   string
		answer string
		err    error
		status int
		text   string
		reason string
	}{
		{"refusal", "", &Refusal{Text: "No account.", Reason: "box unknown"}, 500, "No account.", "box unknown"},
		{"refusal with status", "", &Refusal{Text: "No.", Reason: "why", Status: 403}, 403, "No.", "why"},
		{"refusal with bad status", "", &Refusal{Text: "No.", Reason: "why", Status: 200}, 500, "No.", "why"},
		{"refusal without text", "", fmt.Errorf("wrapped: %w", &Refusal{Reason: "why"}), 500, TextUnavailable, "why"},
		{"error", "", errors.New("disk full"), 500, TextUnavailable, "disk full"},
		{"answer and error", "secret", errors.New("disk full"), 500, TextUnavailable, "disk full"},
		{"empty answer", "", nil, 500, TextUnavailable, "empty"},
		{"space", "a secret", nil, 500, TextUnavailable, "cannot be sent"},
		{"CR", "a\rsecret", nil, 500, TextUnavailable, "cannot be sent"},
		{"LF at the end", "secret\n", nil, 500, TextUnavailable, "cannot be sent"},
		{"not ASCII", "secrét", nil, 500, TextUnavailable, "cannot be sent"},
		{"too long", strings.Repeat("secret", MaxAnswer/6+1), nil, 500, TextUnavailable, "longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := Passport(credentials(func(context.Context, Box, string) (string, error) { return tt.answer, tt.err }))
			got := h.ServeWTVP(t.Context(), request("a:/messengerlogin?x", secured()))
			if got.Status != tt.status || got.Text != tt.text || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("%d %q (%s)", got.Status, got.Text, got.Reason)
			}
			if strings.Contains(fmt.Sprint(got.Text, got.Reason, string(got.Body)), "secr") {
				t.Error("the answer shows")
			}
		})
	}
	if TextUnavailable != "MSN Messenger sign-in is not available. Please try again." {
		t.Error("the text is a fixed one (section 2.2)")
	}
	if s := (&Refusal{Text: "t", Reason: "r"}).Error(); !strings.Contains(s, "r") {
		t.Error(s)
	}
}

// TestCredentialsTimeout: Credentials that hang are given up, and the box is answered.
func TestCredentialsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Passport(credentials(func(ctx context.Context, _ Box, _ string) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}))
		begun := time.Now()
		got := h.ServeWTVP(t.Context(), request("a:/messengerlogin?x", secured()))
		if d := time.Since(begun); d != CredentialsTimeout || got.Status != 500 || got.Text != TextUnavailable {
			t.Errorf("%+v after %v", got, d)
		}
	})
}
