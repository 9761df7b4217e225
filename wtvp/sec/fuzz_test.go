package sec

import (
	"bytes"
	"testing"
)

// FuzzTicket: what opens can be made again, byte for byte.
func FuzzTicket(f *testing.F) {
	var v ticketFile
	load(f, "ticket.json", &v)
	for _, tk := range append(v.Tickets, v.Negative...) {
		k := mustKey(f, tk.InitialKey)
		f.Add(tk.Ticket, k[:])
	}
	f.Fuzz(func(t *testing.T, s string, key []byte) {
		if len(key) != KeySize {
			return
		}
		tk, err := DecodeTicket(s, Key(key))
		if err != nil {
			return
		}
		back, err := DecodeTicket(tk.Encode(Key(key)), Key(key))
		if err != nil || back.Keys != tk.Keys || back.UserID != tk.UserID || !bytes.Equal(back.Store, tk.Store) ||
			back.SigningKey != tk.SigningKey || back.challenge != tk.challenge {
			t.Fatalf("made again it is another: %v", err)
		}
		if len(s) < 64 || tk.UserID < 0 {
			t.Fatalf("ticket of %d digits, user %d", len(s), tk.UserID)
		}
	})
}

// FuzzChallenge: what opens is answered as its maker expects, and nothing else is.
func FuzzChallenge(f *testing.F) {
	var v challengeFile
	load(f, "challenge.json", &v)
	for _, c := range append(append(v.Challenges, v.Captured), v.Negative...) {
		k := mustKey(f, c.SharedKey)
		f.Add(c.Challenge, k[:], c.Response)
	}
	f.Fuzz(func(t *testing.T, s string, key []byte, response string) {
		if len(key) != KeySize {
			return
		}
		c, err := OpenChallenge(s, Key(key))
		if err != nil {
			return
		}
		if !c.Check(c.Response()) {
			t.Fatal("its own response is refused")
		}
		if c.Check(response) && response[:85] != c.Response()[:85] {
			t.Fatalf("response %q is accepted", response)
		}
	})
}

func BenchmarkDecodeTicket(b *testing.B) {
	var v ticketFile
	load(b, "ticket.json", &v)
	k := mustKey(b, v.Tickets[1].InitialKey)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeTicket(v.Tickets[1].Ticket, k); err != nil {
			b.Fatal(err)
		}
	}
}
