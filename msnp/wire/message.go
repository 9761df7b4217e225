package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Message is a MSG payload taken apart: MIME head and body (msnp.md 13).
type Message struct {
	Raw     []byte   // the payload as it came; relayed unchanged between clients
	Headers []Header // in order; empty when the payload has no head
	Body    []byte   // after the empty line
}

// Header is one line of a MIME head.
type Header struct{ Name, Value string }

// Kind is what a message is for, by its Content-Type.
type Kind int

// Kinds of messages (msnp.md 13). KindOther is ignored and acknowledged: client
// capabilities, keep-alives, messages without a type.
const (
	KindOther  Kind = iota
	KindText        // text/plain
	KindTyping      // text/x-msmsgscontrol with a TypingUser
	KindInvite      // text/x-msmsgsinvite: files, voice, NetMeeting
)

// Content types in use (msnp.md 6, 13).
const (
	TypeText    = "text/plain"
	TypeControl = "text/x-msmsgscontrol"
	TypeInvite  = "text/x-msmsgsinvite"
	TypeProfile = "text/x-msmsgsprofile"
	TypeSystem  = "application/x-msmsgssystemmessage"
)

// Heads of the messages made here.
const (
	mimeHead   = "MIME-Version: 1.0\r\nContent-Type: "
	textHead   = mimeHead + "text/plain; charset=UTF-8\r\n"
	formatHead = "X-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=0; PF=0\r\n"
	inviteHead = mimeHead + "text/x-msmsgsinvite; charset=UTF-8\r\n\r\n"
)

// maxCookie bounds an invitation's cookie in bytes: clients use a decimal number
// of 32 bits, and it is copied into the refusal.
const maxCookie = 64

// ParseMessage takes a payload apart. It never fails: what has no head is all
// body, a head without an end has no body, a line that is no header is skipped.
// The message keeps payload.
func ParseMessage(payload []byte) Message {
	m := Message{Raw: payload}
	head, body := cutHead(payload)
	m.Headers = parseFields(head)
	if len(m.Headers) == 0 {
		m.Body = payload
		return m
	}
	m.Body = body
	return m
}

// cutHead finds the first empty line; lines end with LF or CR LF.
func cutHead(b []byte) (head, body []byte) {
	for at := 0; at < len(b); {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			break
		}
		if i == 0 || i == 1 && b[at] == '\r' {
			return b[:at], b[at+i+1:]
		}
		at += i + 1
	}
	return b, nil
}

// parseFields reads `Name: value` lines. A line that starts with white space
// goes on with the one before. When the first line is no field, there are none.
func parseFields(head []byte) []Header {
	if len(head) == 0 {
		return nil
	}
	rest := string(head)
	out := make([]Header, 0, min(strings.Count(rest, "\n")+1, 8))
	for first := true; rest != ""; first = false {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if len(out) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			out[len(out)-1].Value += " " + strings.Trim(line, " \t")
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.Trim(name, " \t")
		if !ok || name == "" {
			if first {
				return nil
			}
			continue
		}
		out = append(out, Header{Name: name, Value: strings.Trim(value, " \t")})
	}
	return out
}

func field(fields []Header, name string) (string, bool) {
	for _, h := range fields {
		if strings.EqualFold(h.Name, name) {
			return h.Value, true
		}
	}
	return "", false
}

// Header is the value of the first header of that name, in any case; empty when
// there is none.
func (m Message) Header(name string) string {
	v, _ := field(m.Headers, name)
	return v
}

// MediaType is the content type in lower case, without parameters.
func (m Message) MediaType() string {
	t, _, _ := strings.Cut(m.Header("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// Charset is the charset parameter of the content type in lower case; empty
// when there is none.
func (m Message) Charset() string {
	_, params, _ := strings.Cut(m.Header("Content-Type"), ";")
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		name, value, ok := strings.Cut(p, "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "charset") {
			return strings.ToLower(strings.Trim(value, " \t\""))
		}
	}
	return ""
}

// Text is the body as text with LF as line end. It is UTF-8 where that is
// declared or nothing is, and the bytes are; else the bytes are Latin-1.
func (m Message) Text() string {
	var s string
	switch m.Charset() {
	case "", "utf-8", "utf8":
		if utf8.Valid(m.Body) {
			s = string(m.Body)
			break
		}
		fallthrough
	default:
		s = latin1(m.Body)
	}
	return unixLines(s)
}

func unixLines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// Kind is what the message is for.
func (m Message) Kind() Kind {
	switch m.MediaType() {
	case TypeText:
		return KindText
	case TypeControl:
		if _, ok := field(m.Headers, "TypingUser"); ok {
			return KindTyping
		}
	case TypeInvite:
		return KindInvite
	}
	return KindOther
}

// Invite is the cookie of an invitation that wants an answer: of INVITE, not of
// ACCEPT or CANCEL (msnp.md 13).
func (m Message) Invite() (cookie string, ok bool) {
	if m.Kind() != KindInvite {
		return "", false
	}
	fields := parseFields(m.Body)
	command, _ := field(fields, "Invitation-Command")
	cookie, _ = field(fields, "Invitation-Cookie")
	if !strings.EqualFold(command, "INVITE") || cookie == "" || len(cookie) > maxCookie {
		return "", false
	}
	return cookie, true
}

// TextMessage is the payload that carries text: LF, CR LF and CR become CR LF,
// what is not UTF-8 becomes U+FFFD. With format it has the font line that some
// PC clients insist on (msnp.md 13). See MaxEmitText for the length.
func TextMessage(text string, format bool) []byte {
	if !format {
		return textMessage(text, "")
	}
	return textMessage(text, formatHead)
}

// StyledMessage is TextMessage with a format that has effects: any of the letters
// B, I, U and S (msnp.md 13).
func StyledMessage(text, effects string) []byte {
	return textMessage(text, strings.Replace(formatHead, "EF=", "EF="+effects, 1))
}

func textMessage(text, format string) []byte {
	text = unixLines(strings.ToValidUTF8(text, "\uFFFD"))
	out := make([]byte, 0, len(textHead)+len(format)+2+len(text)+strings.Count(text, "\n"))
	out = append(out, textHead...)
	out = append(out, format...)
	out = append(out, '\r', '\n')
	for {
		line, rest, more := strings.Cut(text, "\n")
		out = append(out, line...)
		if !more {
			return out
		}
		out = append(out, '\r', '\n')
		text = rest
	}
}

// TypingMessage is the payload that says that address is writing. It holds for
// about ten seconds (msnp.md 13).
func TypingMessage(address string) []byte {
	out := []byte(mimeHead + TypeControl + "\r\nTypingUser: ")
	out = appendSafe(out, address)
	return append(out, "\r\n\r\n\r\n"...)
}

// DeclineMessage is the polite no to the invitation with that cookie.
func DeclineMessage(cookie string) []byte {
	out := []byte(inviteHead + "Invitation-Command: CANCEL\r\nInvitation-Cookie: ")
	out = appendSafe(out, cookie)
	return append(out, "\r\nCancel-Code: REJECT\r\n\r\n"...)
}
