package sec

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// The files in testdata were made by running a public WebTV server; captured_client in them is a session of a client captured
// by others in May 2021 (origin named in challenge.json).

func load(t testing.TB, file string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

type challengeVector struct {
	Name         string
	SharedKey    string `json:"shared_key"`
	Challenge    string
	ChallengeLen int `json:"challenge_len"`
	Response     string
	SessionKey1  []byte `json:"session_key1"`
	SessionKey2  []byte `json:"session_key2"`
	NextShared   string `json:"next_shared_key"`
	PlainHex     string `json:"plain_hex"`
	Result       string
}

type challengeFile struct {
	Challenges []challengeVector
	Negative   []challengeVector
	Captured   challengeVector `json:"captured_client"`
}

func mustKey(t testing.TB, s string) Key {
	t.Helper()
	k, err := ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	if k.Base64() != s {
		t.Fatalf("key %s is written as %s", s, k.Base64())
	}
	return k
}

func TestChallengeVectors(t *testing.T) {
	var f challengeFile
	load(t, "challenge.json", &f)
	if len(f.Challenges) != 14 || len(f.Negative) != 3 || f.Captured.ChallengeLen != ChallengeSize {
		t.Fatalf("%d challenges, %d negative", len(f.Challenges), len(f.Negative))
	}
	f.Captured.Name = "captured"
	chain := Key{}
	for _, v := range append(f.Challenges, f.Captured) {
		t.Run(v.Name, func(t *testing.T) {
			shared := mustKey(t, v.SharedKey)
			c, err := OpenChallenge(v.Challenge, shared)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.raw) != v.ChallengeLen || c.Base64() != v.Challenge {
				t.Errorf("%d bytes, want %d", len(c.raw), v.ChallengeLen)
			}
			if !bytes.Equal(c.Keys.Session1[:], v.SessionKey1) || !bytes.Equal(c.Keys.Session2[:], v.SessionKey2) ||
				c.Keys.Next != mustKey(t, v.NextShared) {
				t.Error("wrong keys")
			}
			if got := c.Response(); got != v.Response {
				t.Errorf("response %s, want %s", got, v.Response)
			}
			if !c.Check(v.Response) {
				t.Error("right response is refused")
			}
			if v.PlainHex != "" && hex.EncodeToString(decipher(shared, c.raw[idSize:])[:bodySize]) != v.PlainHex[:2*bodySize] {
				t.Error("wrong plain text")
			}
			if strings.HasPrefix(v.Name, "chain_") {
				if v.Name != "chain_1_preregister_hidden" && shared != chain {
					t.Error("not under the next key of the challenge before")
				}
				chain = c.Keys.Next
			}
		})
	}
	for _, v := range f.Negative {
		t.Run(v.Name, func(t *testing.T) {
			_, err := OpenChallenge(v.Challenge, mustKey(t, v.SharedKey))
			want := map[string]string{"md5 mismatch, no response": "wrong MD5", "error: Invalid challenge length": "8 bytes, want 105"}[v.Result]
			if err == nil || want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

type ticketVector struct {
	Name        string
	InitialKey  string `json:"initial_shared_key"`
	Ticket      string
	TicketLen   int    `json:"ticket_len"`
	SigningKey  string `json:"signing_key"`
	Challenge   []byte
	SessionKey1 []byte `json:"session_key1"`
	SessionKey2 []byte `json:"session_key2"`
	NextShared  string `json:"next_shared_key"`
	StoreJSON   string `json:"store_json"`
	Store       struct {
		UserID int `json:"user_id"`
	}
	Result string `json:"minisrv_result"`
}

type ticketFile struct{ Tickets, Negative []ticketVector }

func TestTicketVectors(t *testing.T) {
	var f ticketFile
	load(t, "ticket.json", &f)
	if len(f.Tickets) != 17 || len(f.Negative) != 4 {
		t.Fatalf("%d tickets, %d negative", len(f.Tickets), len(f.Negative))
	}
	for i, v := range f.Tickets {
		initial := mustKey(t, v.InitialKey)
		tk, err := DecodeTicket(v.Ticket, initial)
		if err != nil {
			t.Errorf("%d %s: %v", i, v.StoreJSON, err)
			continue
		}
		if base64.StdEncoding.DecodedLen(len(v.Ticket))-strings.Count(v.Ticket, "=") != v.TicketLen ||
			tk.SigningKey != mustKey(t, v.SigningKey) || !bytes.Equal(tk.Challenge(), v.Challenge) ||
			!bytes.Equal(tk.Keys.Session1[:], v.SessionKey1) || !bytes.Equal(tk.Keys.Session2[:], v.SessionKey2) ||
			tk.Keys.Next != mustKey(t, v.NextShared) || string(tk.Store) != v.StoreJSON || tk.UserID != v.Store.UserID {
			t.Errorf("%d %s: decoded otherwise", i, v.StoreJSON)
		}
		if got := tk.Encode(initial); got != v.Ticket {
			t.Errorf("%d: encoded as %s, want %s", i, got, v.Ticket)
		}
	}
	want := map[string]string{
		"wrong_initial_key": "does not open", "bit_flipped_in_challenge": "wrong MD5",
		"bit_flipped_in_signing_key": "wrong MD5", "truncated_60_bytes": "ticket has 60 bytes",
	}
	for _, v := range f.Negative {
		_, err := DecodeTicket(v.Ticket, mustKey(t, v.InitialKey))
		if err == nil || want[v.Name] == "" || !strings.Contains(err.Error(), want[v.Name]) {
			t.Errorf("%s: %v, want %q", v.Name, err, want[v.Name])
		}
	}
}

type chunk struct{ Plain, Cipher []byte }

type rc4File struct {
	Sessions []struct {
		Name        string
		SessionKey1 []byte `json:"session_key1"`
		SessionKey2 []byte `json:"session_key2"`
		Incarnation uint32
		Key1        string  `json:"rc4_key1_hex"`
		Key2        string  `json:"rc4_key2_hex"`
		ToServer    []chunk `json:"client_to_server"`
		ToClient    []chunk `json:"server_to_client"`
	}
	Captured struct {
		SessionKey1 []byte `json:"session_key1"`
		Requests    []struct {
			Incarnation   uint32
			Plain, Cipher []byte
		}
	} `json:"captured_client"`
}

func TestRC4Vectors(t *testing.T) {
	var f rc4File
	load(t, "rc4.json", &f)
	if len(f.Sessions) != 23 || len(f.Captured.Requests) != 4 {
		t.Fatalf("%d sessions, %d captured requests", len(f.Sessions), len(f.Captured.Requests))
	}
	for _, v := range f.Sessions {
		t.Run(v.Name, func(t *testing.T) {
			for _, dir := range []struct {
				key    []byte
				want   string
				chunks []chunk
			}{{v.SessionKey1, v.Key1, v.ToServer}, {v.SessionKey2, v.Key2, v.ToClient}} {
				k := SessionKey(dir.key)
				if got := StreamKey(k, v.Incarnation); hex.EncodeToString(got[:]) != dir.want {
					t.Errorf("key %x, want %s", got, dir.want)
				}
				checkStream(t, k, v.Incarnation, dir.chunks)
			}
		})
	}
	streams := map[uint32][]chunk{}
	for _, r := range f.Captured.Requests {
		streams[r.Incarnation] = append(streams[r.Incarnation], chunk{r.Plain, r.Cipher})
	}
	if len(streams[4]) != 3 || len(streams[6]) != 1 {
		t.Fatal("captured requests are not three and one")
	}
	for inc, chunks := range streams {
		checkStream(t, SessionKey(f.Captured.SessionKey1), inc, chunks)
	}
}

// checkStream enciphers chunk by chunk, and deciphers all of them with a Reader whose source gives its bytes in different
// pieces.
func checkStream(t *testing.T, k SessionKey, incarnation uint32, chunks []chunk) {
	t.Helper()
	enc := NewStream(k, incarnation)
	var plain, cipher []byte
	for i, c := range chunks {
		got := make([]byte, len(c.Plain))
		enc.XORKeyStream(got, c.Plain)
		if !bytes.Equal(got, c.Cipher) {
			t.Errorf("chunk %d is enciphered otherwise", i)
		}
		plain, cipher = append(plain, c.Plain...), append(cipher, c.Cipher...)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "one": iotest.OneByteReader, "half": iotest.HalfReader,
		"data with error": iotest.DataErrReader,
	} {
		r := NewReader(bufio.NewReaderSize(wrap(bytes.NewReader(cipher)), 16), NewStream(k, incarnation))
		var got []byte
		for i := 0; ; i++ { // bytes and pieces by turns
			if i%2 == 0 {
				b, err := r.ReadByte()
				if err != nil {
					break
				}
				got = append(got, b)
				continue
			}
			p := make([]byte, 7)
			n, err := r.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes deciphered otherwise", name, len(got))
		}
	}
}
