package service

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"

	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/server"
	"wtvgate/wtvp/wire"
)

// transcriptFile is testdata/transcript.json: loopback sessions of a public WebTV server with its client simulator, recorded
// byte by byte.
type transcriptFile struct {
	Config struct {
		InitialKey string `json:"initial_shared_key"`
		SSID       string
		Account    struct {
			Password string `json:"messenger_password"`
		}
	}
	Sessions []recordedSession
}

type recordedSession struct {
	Name        string
	Connections []struct {
		ID     int
		Port   int
		Events []struct {
			From string
			Data []byte
		}
	}
	Decoded struct {
		Key2    []byte `json:"session_key2"`
		Secured []struct {
			Conn     int
			Exchange []exchange
		} `json:"secured_connections"`
	}
}

type exchange struct {
	From, Kind  string
	Incarnation uint32
	HasTicket   bool `json:"has_ticket"`
	Plain       []byte
	Headers     []string
	Body        []byte `json:"body_decrypted"`
	BodyPlain   []byte `json:"body_plain"`
}

func loadTranscripts(t testing.TB) transcriptFile {
	t.Helper()
	var f transcriptFile
	loadJSON(t, "transcript.json", &f)
	if len(f.Sessions) != 8 {
		t.Fatalf("%d sessions", len(f.Sessions))
	}
	return f
}

func loadJSON(t testing.TB, file string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// sent returns all bytes of one side of a connection.
func (s recordedSession) sent(id int, from string) []byte {
	var b []byte
	for _, c := range s.Connections {
		if c.ID != id {
			continue
		}
		for _, e := range c.Events {
			if e.From == from {
				b = append(b, e.Data...)
			}
		}
	}
	return b
}

// pieces are ways to split what a client sends.
var pieces = map[string]func() int{
	"whole":  func() int { return 1 << 20 },
	"bytes":  func() int { return 1 },
	"random": func() int { return 1 + rand.IntN(40) },
	"large":  func() int { return 300 + rand.IntN(300) },
}

// recorder serves wtv-passport as the recorded server had it, and wtv-register, which repeats the request as it was read.
func startRecorded(t *testing.T, key sec.Key, page []byte) string {
	t.Helper()
	s := server.New(server.Options{InitialKey: &key, Log: slog.New(slog.DiscardHandler)})
	passport := Passport(oldAccount{})
	s.Handle(PassportName, server.HandlerFunc(func(ctx context.Context, r *server.Request) *server.Response {
		if r.URL.Path == "/testpage" {
			return &server.Response{Status: 200, Text: "OK", ContentType: "text/html", Body: page, Compress: true}
		}
		return passport.ServeWTVP(ctx, r)
	}))
	s.Handle("wtv-register", server.HandlerFunc(func(_ context.Context, r *server.Request) *server.Response {
		url := r.URL.Service + ":" + r.URL.Path
		if r.URL.HasQuery {
			url += "?" + r.URL.Query
		}
		b, err := (&wire.Request{Method: r.Method, URL: url, Header: r.Header}).AppendTo(nil)
		if err != nil {
			return nil
		}
		return &server.Response{Status: 200, Text: "OK", Body: b}
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(context.Background(), l) }()
	t.Cleanup(s.Close)
	return l.Addr().String()
}

// replay sends bytes in pieces and returns a reader of the answers.
func replay(t *testing.T, addr string, b []byte, piece func() int) *bufio.Reader {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = nc.Close(); <-done })
	go func() {
		defer close(done)
		for len(b) > 0 {
			n := min(piece(), len(b))
			if _, err := nc.Write(b[:n]); err != nil {
				return // the server has closed, as it should have or else the answers are missing
			}
			b = b[n:]
		}
	}()
	return bufio.NewReader(nc)
}

// differs are the recorded answers that ours are meant to differ from, by request line (section 10.4).
var differs = map[string]struct {
	status int
	text   string
}{
	"GET wtv-passport:/messengerlogin?": {400, TextBadChallenge}, // theirs: 200 with the MD5 of the password
	"GET wtv-passport:/messengerlogin":  {400, TextBadChallenge}, // the same status, their words
	"GET wtv-home:/home":                {500, server.TextElsewhere},
}

func TestReplay(t *testing.T) {
	f := loadTranscripts(t)
	key, err := sec.ParseKey(f.Config.InitialKey)
	if err != nil {
		t.Fatal(err)
	}
	if f.Config.Account.Password != oldPassword {
		t.Fatal("another password")
	}
	replayed := 0
	for _, s := range f.Sessions {
		for _, sc := range s.Decoded.Secured {
			for how, piece := range pieces {
				t.Run(fmt.Sprintf("%s/%d/%s", s.Name, sc.Conn, how), func(t *testing.T) {
					addr := startRecorded(t, key, pageOf(sc.Exchange))
					br := replay(t, addr, s.sent(sc.Conn, "client"), piece)
					checkExchange(t, br, s, sc.Conn, sc.Exchange)
				})
				replayed++
			}
		}
	}
	if replayed != 9*len(pieces) {
		t.Errorf("%d connections replayed", replayed)
	}
}

func pageOf(ex []exchange) []byte {
	for _, e := range ex {
		if e.BodyPlain != nil {
			return e.BodyPlain
		}
	}
	return nil
}

// checkExchange reads an answer for each recorded one and compares.
func checkExchange(t *testing.T, br *bufio.Reader, s recordedSession, id int, ex []exchange) {
	t.Helper()
	var stream interface{ XORKeyStream(dst, src []byte) }
	rd := wire.NewReader(br)
	request := ""
	for _, e := range ex {
		switch {
		case e.Kind == "SECURE ON" && !e.HasTicket:
			resp, body := answer(t, rd)
			if resp.Status != 500 || body != server.TextSignOn || resp.Header.Value("wtv-encrypted") != "" {
				t.Errorf("no ticket: %+v %q", resp, body)
			}
			return
		case e.Kind == "SECURE ON":
			stream = sec.NewStream(sec.SessionKey(s.Decoded.Key2), e.Incarnation)
		case e.From == "client":
			if line, _, ok := bytes.Cut(e.Plain, []byte("\r\n")); ok && bytes.Contains(line, []byte("wtv-")) {
				request = string(line)
			}
		default:
			checkAnswer(t, br, rd, stream, request, s, id, e)
		}
	}
}

func checkAnswer(t *testing.T, br *bufio.Reader, rd *wire.Reader, stream interface{ XORKeyStream(dst, src []byte) },
	request string, s recordedSession, id int, e exchange) {
	t.Helper()
	if e.BodyPlain != nil && s.Name == "classic_lzpf_page" {
		// Here the bytes themselves must be the same, compressed and enciphered.
		resp, err := rd.ReadResponse()
		if err != nil || resp.Header.Value("wtv-lzpf") != "0" || resp.ContentLength != len(e.BodyPlain) {
			t.Fatalf("%+v, %v", resp, err)
		}
		_, want, _ := bytes.Cut(s.sent(id, "server"), []byte("\n\n"))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(br, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("compressed body differs: %v", err)
		}
		return
	}
	resp, body := answer(t, rd)
	b := []byte(body)
	stream.XORKeyStream(b, b)
	wantLine, wantBody := e.Headers[0], string(e.Body)
	if e.BodyPlain != nil { // theirs was deflated, ours is not
		wantBody = string(e.BodyPlain)
	}
	if d, ok := differs[request]; ok {
		wantLine, wantBody = fmt.Sprintf("%d %s", d.status, d.text), d.text
	}
	if line := fmt.Sprintf("%d %s", resp.Status, resp.Text); line != wantLine || string(b) != wantBody {
		t.Errorf("%s: %s %q, want %s %q", request, line, b, wantLine, wantBody)
	}
	if resp.Header.Value("wtv-encrypted") != "true" || resp.Header.Value("Connection") != "Keep-Alive" {
		t.Errorf("%s: %v", request, resp.Header)
	}
}

func answer(t *testing.T, rd *wire.Reader) (*wire.Response, string) {
	t.Helper()
	resp, err := rd.ReadResponse()
	if err != nil {
		t.Fatalf("reading an answer: %v", err)
	}
	body, err := rd.ReadBody(resp.ContentLength)
	if err != nil {
		t.Fatalf("reading a body: %v", err)
	}
	return resp, string(body)
}

// TestReplayPlain: the recorded client without encryption gets no credential, whatever its ticket, and no claim of encryption.
func TestReplayPlain(t *testing.T) {
	f := loadTranscripts(t)
	key, _ := sec.ParseKey(f.Config.InitialKey)
	for _, s := range f.Sessions {
		if s.Name != "plus_unencrypted" {
			continue
		}
		sent := s.sent(4, "client")
		if !bytes.Contains(sent, []byte("wtv-ticket: ")) {
			t.Fatal("no ticket in the recorded request")
		}
		for _, piece := range pieces {
			rd := wire.NewReader(replay(t, startRecorded(t, key, nil), append(sent, sent...), piece))
			for range 2 {
				resp, body := answer(t, rd)
				if _, claims := resp.Header.Lookup("wtv-encrypted"); claims || resp.Status != 500 || resp.Text != TextNotSecured ||
					body != TextNotSecured {
					t.Errorf("%+v %q", resp, body)
				}
			}
		}
		return
	}
	t.Fatal("session is missing")
}

// TestReplayCaptured: the requests of a real client, captured by others in May 2021: three on one connection, one on another.
func TestReplayCaptured(t *testing.T) {
	var login struct {
		Captured struct {
			SharedKey string `json:"shared_key"`
			Challenge string
			Key2      []byte `json:"session_key2"`
		} `json:"captured_client"`
	}
	loadJSON(t, "challenge.json", &login)
	var streams struct {
		Captured struct {
			Requests []struct {
				Incarnation   uint32
				Cipher, Plain []byte
			}
		} `json:"captured_client"`
	}
	loadJSON(t, "rc4.json", &streams)
	signing, err := sec.ParseKey(login.Captured.SharedKey)
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := sec.OpenChallenge(login.Captured.Challenge, signing)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := sec.NewTicket(signing, challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	initial := sec.Key{9, 8, 7, 6, 5, 4, 3, 2}
	connections := map[uint32][]byte{}
	plain := map[uint32][]string{}
	for _, r := range streams.Captured.Requests {
		connections[r.Incarnation] = append(connections[r.Incarnation], r.Cipher...)
		plain[r.Incarnation] = append(plain[r.Incarnation], string(r.Plain))
	}
	if len(plain[4]) != 3 || len(plain[6]) != 1 {
		t.Fatal("unexpected content")
	}
	for incarnation, cipher := range connections {
		for how, piece := range pieces {
			t.Run(fmt.Sprintf("%d/%s", incarnation, how), func(t *testing.T) {
				head := fmt.Sprintf("SECURE ON\r\nwtv-ticket: %s\r\nwtv-incarnation:%d\r\n\r\n", ticket.Encode(initial), incarnation)
				rd := wire.NewReader(replay(t, startRecorded(t, initial, nil), append([]byte(head), cipher...), piece))
				stream := sec.NewStream(sec.SessionKey(login.Captured.Key2), incarnation)
				for i, want := range plain[incarnation] {
					resp, body := answer(t, rd)
					b := []byte(body)
					stream.XORKeyStream(b, b)
					if resp.Status != 200 || string(b) != want || !strings.HasPrefix(want, "GET wtv-register:/") {
						t.Errorf("request %d: %d %q, want %q", i, resp.Status, b, want)
					}
				}
			})
		}
	}
}
