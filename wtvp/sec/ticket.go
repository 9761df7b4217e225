package sec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

const (
	// ticketChallengeSize is how many bytes of a challenge a ticket of minisrv or Redialed holds (section 7.1).
	ticketChallengeSize = 108
	// MaxTicket is the longest ticket read, in base64 digits. Those of minisrv have about 180; the ticket store could make
	// them longer, and the longest of the original service had a little over 1000.
	MaxTicket = 4096
	// maxUserID bounds user_id: it numbers the users within one box's account, of which a box shows six.
	maxUserID = 1 << 31
)

// Ticket is a wtv-ticket of minisrv or Redialed. That one opens proves that somebody who knows the initial shared key made it,
// for some box: it names no box, has no time in it, and the store is not covered by any check (section 7.2).
type Ticket struct {
	// SigningKey is the key of the challenge inside, the wtv-initial-key of that login. It stands in clear in the ticket;
	// compare it in its Canonical form.
	SigningKey Key
	// Keys are those of the challenge inside.
	Keys Keys
	// UserID is user_id of the store, 0 (the subscriber) if there is none.
	UserID int
	// Store is the ticket store as JSON text, an object.
	Store []byte

	challenge [ticketChallengeSize]byte
}

// NewTicket makes the ticket for a login whose challenge was made under signing. A nil store is an empty object.
func NewTicket(signing Key, c *Challenge, store []byte) (*Ticket, error) {
	if store == nil {
		store = []byte("{}")
	}
	t := &Ticket{SigningKey: signing, Keys: c.Keys, Store: store}
	if copy(t.challenge[:], c.raw) < ticketChallengeSize {
		return nil, errors.New("sec: challenge is too short for a ticket")
	}
	var err error
	if t.UserID, err = userID(store); err != nil {
		return nil, fmt.Errorf("sec: ticket store: %w", err)
	}
	return t, nil
}

// Encode writes the ticket under the initial shared key, in base64 on one line.
func (t *Ticket) Encode(initial Key) string {
	plain := make([]byte, 0, ticketChallengeSize+len(t.Store))
	plain = append(append(plain, t.challenge[:]...), t.Store...)
	raw := append(t.SigningKey[:KeySize:KeySize], encipher(initial, pad(plain))...)
	return base64.StdEncoding.EncodeToString(raw)
}

// Challenge returns the challenge of the login as it stands in the ticket (108 bytes).
func (t *Ticket) Challenge() []byte { return t.challenge[:] }

// DecodeTicket opens a ticket with the initial shared key. It is strict: base64, length, padding, the challenge's MD5 and the
// store must all be right. Errors hold nothing of the ticket.
func DecodeTicket(s string, initial Key) (*Ticket, error) {
	if s == "" {
		return nil, errors.New("sec: ticket is empty")
	}
	if len(s) > MaxTicket {
		return nil, fmt.Errorf("sec: ticket is longer than %d characters", MaxTicket)
	}
	raw, err := decode64(s)
	if err != nil {
		return nil, errors.New("sec: ticket is not valid base64")
	}
	if len(raw) < KeySize+ticketChallengeSize || len(raw)%blockSize != 0 {
		return nil, fmt.Errorf("sec: ticket has %d bytes, want a multiple of 8, at least %d",
			len(raw), KeySize+ticketChallengeSize)
	}
	t := &Ticket{SigningKey: Key(raw)}
	plain, err := unpad(decipher(initial, raw[KeySize:]))
	if err != nil {
		return nil, errors.New("sec: ticket does not open under this initial shared key (bad padding)")
	}
	if len(plain) < ticketChallengeSize {
		return nil, errors.New("sec: ticket holds less than a challenge")
	}
	copy(t.challenge[:], plain)
	c, err := openChallenge(t.challenge[:], t.SigningKey)
	if err != nil {
		return nil, errors.New("sec: ticket does not open under this initial shared key (wrong MD5)")
	}
	t.Keys, t.Store = c.Keys, plain[ticketChallengeSize:]
	if t.UserID, err = userID(t.Store); err != nil {
		return nil, fmt.Errorf("sec: ticket store: %w", err)
	}
	return t, nil
}

// userID checks that a ticket store is one JSON object and takes user_id out of it: a number, or digits in a string, since a
// WebTV server may have copied it from a form.
func userID(store []byte) (int, error) {
	if !utf8.Valid(store) {
		return 0, errors.New("not UTF-8")
	}
	if !bytes.HasPrefix(store, []byte("{")) {
		return 0, errors.New("not a JSON object")
	}
	var fields struct {
		UserID json.RawMessage `json:"user_id"`
	}
	if err := json.Unmarshal(store, &fields); err != nil {
		return 0, errors.New("not a JSON object")
	}
	text := string(fields.UserID)
	if text == "" || text == "null" {
		return 0, nil
	}
	if n := len(text); n > 2 && text[0] == '"' && text[n-1] == '"' {
		text = text[1 : n-1]
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n >= maxUserID {
		return 0, errors.New("user_id is not a number of a user")
	}
	return int(n), nil
}
