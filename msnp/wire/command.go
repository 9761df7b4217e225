package wire

import (
	"errors"
	"strconv"
	"strings"
)

// Limits of what is read and written.
const (
	// MaxLine is the longest accepted line in bytes, without its line end. A
	// Passport ticket line can pass 1 KB; beyond this the connection closes
	// (msnp.md 2.1).
	MaxLine = 8192
	// MaxPayload is the longest MSG a client may send, head and body, in bytes
	// (msnp.md 12.3, 15).
	MaxPayload = 1664
	// MaxEmitPayload is the longest MSG payload the gateway itself makes: libmsn2
	// overflows a stack buffer from 1,250 bytes on (msnp.md 25.9).
	MaxEmitPayload = 1249
	// MaxEmitText is what MaxEmitPayload leaves for text in bytes, counted with
	// CR LF at line ends, after the head that TextMessage writes with a format.
	MaxEmitText = MaxEmitPayload - len(textHead) - len(formatHead) - len("\r\n")
	// QueryLength is the only right payload length of QRY: 32 hex digits
	// (msnp.md 11.1).
	QueryLength = 32
	// MaxQuery is how much of a QRY payload is read when its length is wrong, in
	// bytes; 540 and the end of the connection follow (msnp.md 2.4).
	MaxQuery = 128
	// MaxForeignPayload bounds what is read to stay in step behind a payload
	// command of a later dialect, such as ADL with its 7,500 bytes (msnp.md 11.4).
	MaxForeignPayload = 8192
	// MaxServerPayload bounds what a client of ours reads behind one line of a
	// server. The profile is the longest known and has under 500 bytes.
	MaxServerPayload = 65535
)

// Command is one line of the protocol with its payload.
type Command struct {
	// Verb is three upper-case letters, or three digits in an error line.
	Verb string
	// Args are the parameters as they came: not unescaped, not checked. Args[0] is
	// the TrID where the verb has one. They share memory with the whole line:
	// strings.Clone what is kept for long.
	Args []string
	// Payload is what followed the line; not nil for a payload command, even when
	// it is empty. It belongs to the receiver of the command.
	Payload []byte
}

// TrID is the transaction number as the client wrote it, which is how it is
// echoed (msnp.md 2.2); false when the first parameter is not a number of 32 bits.
func (c Command) TrID() (string, bool) {
	if len(c.Args) == 0 || !IsTrID(c.Args[0]) {
		return "", false
	}
	return c.Args[0], true
}

// Arg is parameter i, counted from the TrID as 0; empty when there is none.
func (c Command) Arg(i int) string {
	if i < 0 || i >= len(c.Args) {
		return ""
	}
	return c.Args[i]
}

// Code is the number of an error line such as `911 3`; false for all else.
func (c Command) Code() (int, bool) {
	if !isCode(c.Verb) {
		return 0, false
	}
	n, err := strconv.Atoi(c.Verb)
	return n, err == nil
}

// IsTrID tells whether s is a decimal number from 0 to 4294967295 (msnp.md 2.1).
func IsTrID(s string) bool {
	if !digits(s) {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// PayloadFunc says whether a line is followed by a payload: ok, and then of n
// bytes. An error ends the connection; it is best a *ProtocolError, whose Line
// the Reader fills in.
type PayloadFunc func(verb string, args []string) (n int, ok bool, err error)

// FromClient is the PayloadFunc for what a client sends (msnp.md 2.4). It
// refuses a MSG that must close the connection by its line alone: without a
// length, longer than MaxPayload, or with an acknowledgement letter that is
// not U, N, A or S (msnp.md 12.3). It refuses error numbers as commands. Of a
// QRY it reads at most MaxQuery bytes, whatever was announced: compare the last
// parameter with QueryLength.
func FromClient(verb string, args []string) (int, bool, error) {
	switch verb {
	case "MSG":
		n, err := length(args, 3, MaxPayload)
		if err == nil && !isAck(args[1]) {
			err = &ProtocolError{Reason: ReasonAck}
		}
		return n, err == nil, err
	case "QRY":
		n, err := length(args, 3, maxNumber)
		return min(n, MaxQuery), err == nil, err
	case "SDC":
		n, err := length(args, 3, MaxPayload)
		return n, err == nil, err
	case "UUX", "ADL", "RML", "FQY", "UUM", "PUT", "DEL":
		// Not ours: answered like any unknown command. Without a number at the end
		// there is no payload to skip.
		if len(args) < 2 || !digits(args[len(args)-1]) {
			return 0, false, nil
		}
		n, err := length(args, 2, MaxForeignPayload)
		return n, err == nil, err
	}
	if isCode(verb) {
		return 0, false, &ProtocolError{Reason: ReasonCommand}
	}
	return 0, false, nil
}

// FromServer is the PayloadFunc for what a server sends: MSG, IPG, and SDC where
// it ends in a number, for the answer `SDC t OK` has no payload.
func FromServer(verb string, args []string) (int, bool, error) {
	least := 0
	switch verb {
	case "MSG":
		least = 3
	case "IPG":
		least = 1
	case "SDC":
		if len(args) < 3 || !digits(args[len(args)-1]) {
			return 0, false, nil
		}
		least = 3
	default:
		return 0, false, nil
	}
	n, err := length(args, least, MaxServerPayload)
	return n, err == nil, err
}

// Ack letters of MSG (msnp.md 12.3).
const (
	AckNone    byte = 'U' // no answer at all
	AckNegOnly byte = 'N' // NAK when it failed
	AckBoth    byte = 'A' // ACK or NAK
	AckPosOnly byte = 'S' // ACK when it succeeded; some clients from MSNP8 on
)

func isAck(s string) bool {
	if len(s) != 1 {
		return false
	}
	switch s[0] {
	case AckNone, AckNegOnly, AckBoth, AckPosOnly:
		return true
	}
	return false
}

// maxNumber is the largest length that is a number at all.
const maxNumber = 999999999

// length is the byte count in the last of at least least arguments.
func length(args []string, least, limit int) (int, error) {
	if len(args) < least || !digits(args[len(args)-1]) {
		return 0, &ProtocolError{Reason: ReasonLength}
	}
	n, err := strconv.Atoi(args[len(args)-1])
	switch {
	case err != nil && errors.Is(err, strconv.ErrRange), n > limit:
		return 0, &ProtocolError{Reason: ReasonPayload}
	case err != nil:
		return 0, &ProtocolError{Reason: ReasonLength}
	}
	return n, nil
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isVerb: three upper-case letters; isCode: three digits.
func isVerb(s string) bool {
	return len(s) == 3 && strings.IndexFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

func isCode(s string) bool { return len(s) == 3 && digits(s) }
