package passport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// loginRequest is a sign-in as libraries send it.
func loginRequest(address, password string) string {
	return "GET /login2.srf HTTP/1.0\r\nAuthorization: Passport1.4 OrgVerb=GET,sign-in=" + address + ",pwd=" + password + "," + challenge + "\r\n\r\n"
}

// ticketIn is the ticket of an answer.
func ticketIn(answer string) string {
	_, rest, _ := strings.Cut(answer, "from-PP='")
	t, _, _ := strings.Cut(rest, "'")
	return t
}

func TestATicketOpensItsAccount(t *testing.T) {
	r := newRig(t, nil)
	got := ticketIn(r.ask(loginRequest("alice%40webtv.local", "hunter22")))
	if r.tickets.Redeem("carol@webtv.local", got) || !r.tickets.Redeem(alice, got) || r.tickets.Redeem(alice, got) {
		t.Errorf("%q does not open alice's account once", got)
	}
	soap := r.ask(post("", envelope(alice, "hunter22", wanted("messenger.msn.com", "?id=507"))))
	_, rest, _ := strings.Cut(soap, `<wsse:BinarySecurityToken Id="PPToken0">`)
	got, _, ok := strings.Cut(rest, "</")
	if got = strings.ReplaceAll(got, "&amp;", "&"); !ok || !r.tickets.Redeem(alice, got) {
		t.Errorf("%q of %s does not open", got, soap)
	}
}

func post(header, body string) string {
	return fmt.Sprintf("POST /RST.srf HTTP/1.1\r\nHost: gw.example\r\n%sContent-Length: %d\r\n\r\n%s", header, len(body), body)
}

// TestPasswordForms: one password, as clients escape it or do not.
func TestPasswordForms(t *testing.T) {
	r := newRig(t, nil)
	r.handler.attempts = newAttempts()
	for _, form := range []string{"p%C3%A4%2Bs%2Cs%2541", "p%c3%a4+s%2cs%2541", "p%E4+s%2Cs%2541"} {
		if a := r.ask(loginRequest("dora@webtv.local", form)); ticketIn(a) == "" {
			t.Errorf("%s: %q", form, a)
		}
	}
	if a := r.ask(loginRequest("carol%40webtv.local", "50%25 off%2C a%2Cb")); ticketIn(a) == "" {
		t.Errorf("%q", a)
	}
	for _, form := range []string{"", "p%2525C3", "p%C3%A4%20s%2Cs%2541"} {
		if a := r.ask(loginRequest("dora@webtv.local", form)); !strings.HasPrefix(a, "HTTP/1.1 401 ") {
			t.Errorf("%s: %q", form, a)
		}
	}
}

func TestGuessingIsSlowed(t *testing.T) {
	r := newRig(t, nil)
	for i := range maxPairFailures + 2 {
		r.ask(loginRequest(alice, "guess"))
		if want := max(0, i+1-maxPairFailures); len(r.waits) != want {
			t.Errorf("after %d guesses %d waits", i+1, len(r.waits))
		}
	}
	r.ask(post("", envelope(alice, "guess", wanted("x", "")))) // the same count for both services
	if want := []time.Duration{latePause, latePause, latePause}; !slices.Equal(r.waits, want) {
		t.Errorf("waited %v", r.waits)
	}
	asked := r.book.count()
	r.handler.wait = func(ctx context.Context, d time.Duration) error { return context.Canceled }
	if a := r.ask(loginRequest(alice, "hunter22")); !strings.Contains(a, "cbtxt="+textUnavailable) {
		t.Errorf("when the server stops: %q", a)
	}
	if r.book.count() != asked {
		t.Error("the password was checked all the same")
	}
}

// TestOneGuessAtATime: while a late one waits, others are refused unseen.
func TestOneGuessAtATime(t *testing.T) {
	r := newRig(t, nil)
	for range maxPairFailures {
		r.ask(loginRequest(alice, "guess"))
	}
	waiting, goOn := make(chan struct{}), make(chan struct{})
	r.handler.wait = func(context.Context, time.Duration) error {
		close(waiting)
		<-goOn
		return nil
	}
	first := make(chan string)
	go func() { first <- r.ask(loginRequest(alice, "hunter22")) }()
	<-waiting
	asked := r.book.count()
	if a := r.ask(loginRequest(alice, "hunter22")); !strings.HasPrefix(a, "HTTP/1.1 401 ") || r.book.count() != asked {
		t.Errorf("a second one beside it: %q", a)
	}
	close(goOn)
	if a := <-first; ticketIn(a) == "" {
		t.Errorf("the right password: %q", a)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if err := wait(t.Context(), latePause); err != nil || time.Since(begun) != latePause {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := wait(ctx, latePause); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestWhenAccountsFail(t *testing.T) {
	r := newRig(t, nil)
	r.book.err = errors.New("no disk")
	if a := r.ask(loginRequest(alice, "hunter22")); !strings.Contains(a, "401 Unauthorized\r\n") || !strings.Contains(a, "cbtxt="+textUnavailable+"\r\n") {
		t.Errorf("%q", a)
	}
	a := r.ask(post("", envelope(alice, "hunter22", wanted("x", ""))))
	if !strings.HasPrefix(a, "HTTP/1.1 200 OK\r\n") || !strings.Contains(a, "<faultcode>wst:RequestFailed</faultcode>") {
		t.Errorf("%q", a)
	}
	for range 3 * maxPairFailures {
		r.ask(loginRequest(alice, "hunter22"))
	}
	if len(r.waits) != 0 {
		t.Error("our own failure counts as a guess")
	}
	if !strings.Contains(r.log.String(), "no disk") {
		t.Error("the log does not say why")
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	r := newRig(t, nil)
	secrets := []string{"hunter22", "guess-1", "guess%2D2", "guess-2", "guess-3"}
	for _, request := range []string{
		loginRequest(alice, "hunter22"), loginRequest(alice, "guess-1"), loginRequest(alice, "guess%2D2"), loginRequest("a%zz", "guess-3"),
		loginRequest("no address", "guess-3"), "GET /login2.srf?pwd=guess-3 HTTP/1.0\r\nAuthorization: Basic guess-3\r\n\r\n",
		"guess-3 guess-3 guess-3 guess-3\r\n\r\n", "GET /login2.srf HTTP/1.0\r\nguess-3\r\n\r\n",
		post("", envelope(alice, "guess-1", wanted("x", ""))), post("", envelope(alice, "guess-3&", "")), post("", "<!DOCTYPE guess-3>"),
		post("Content-Type: guess-3\r\n", "guess-3"),
	} {
		if t := ticketIn(r.ask(request)); t != "" {
			secrets = append(secrets, TicketOf(t))
		}
	}
	if len(secrets) != 6 {
		t.Fatalf("%d secrets", len(secrets))
	}
	for _, s := range secrets {
		if strings.Contains(r.log.String(), s) {
			t.Errorf("%s stands in the log:\n%s", s, r.log)
		}
	}
	if !strings.Contains(r.log.String(), "ticket issued") || !strings.Contains(r.log.String(), `reason="wrong address or password"`) {
		t.Errorf("the log does not tell what happened:\n%s", r.log)
	}
}

func TestPublicURLs(t *testing.T) {
	for _, tt := range []struct{ public, node, classic string }{
		{"https://gw.example", "DALogin=https://gw.example/login2.srf", "DALogin=gw.example/login2.srf,DAReg="},
		{"https://gw.example:8443/", "DALogin=https://gw.example:8443/login2.srf", "DALogin=gw.example:8443/login2.srf,DAReg="},
		{"http://127.0.0.1:8464", "DALogin=http://127.0.0.1:8464/login2.srf", "DALogin=127.0.0.1:8464/login2.srf,DAReg="},
		{"https://gw.example/Passport", "DALogin=https://gw.example/Passport/login2.srf", "DALogin=gw.example/Passport/login2.srf,DAReg="},
	} {
		h := NewHandler(Options{PublicURL: tt.public, Accounts: newBook(), Tickets: NewTickets(nil)})
		prefix := ""
		if strings.HasSuffix(tt.public, "Passport") {
			prefix = "/Passport"
		}
		for _, path := range []string{"/rdr/pprdr.asp", "/RDR/PPRDR.ASP", prefix + "/rdr/pprdr.asp"} {
			for _, also := range []string{"", "User-Agent"} {
				r := httptest.NewRequest("GET", path, nil)
				r.Header.Set("Connection", "close")
				want := tt.node
				if also != "" {
					r.Header.Set(also, "x")
					want = "DARealm=Passport.Net," + tt.classic
				}
				w := httptest.NewRecorder() // which cannot be hijacked
				h.ServeHTTP(w, r)
				got := map[string][]string(w.Header())["PassportURLs"] // in this spelling
				if w.Code != 200 || len(got) != 1 || !strings.HasPrefix(got[0], want) {
					t.Errorf("%s %s: %d %v", tt.public, path, w.Code, w.Header())
				}
			}
		}
	}
}

func TestOnAnotherServer(t *testing.T) {
	r := newRig(t, nil)
	q := httptest.NewRequest("POST", "/RST.srf", strings.NewReader(envelope(alice, "hunter22", wanted("x", ""))))
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/xml; charset=utf-8" || !strings.Contains(w.Body.String(), "PPToken0") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestSource(t *testing.T) {
	for _, tt := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5", nil, "192.0.2.1"},
		{"192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"}, // a claim
		{"127.0.0.1:5", nil, "127.0.0.1"},
		{"127.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"[::1]:5", []string{"x", "203.0.113.9, ::ffff:198.51.100.1 "}, "198.51.100.1"},
		{"[::ffff:127.0.0.1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		{"127.0.0.1:5", []string{"nonsense"}, "127.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
		if got := source(r); got != netip.MustParseAddr(tt.want) {
			t.Errorf("%s %q: %v, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
	if got := source(&http.Request{RemoteAddr: "@"}); got.IsValid() {
		t.Errorf("of nowhere: %v", got)
	}
}
