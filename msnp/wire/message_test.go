package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// The payloads of msnp.md 13, 19 and 22, written out.
const (
	helloBob = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
		"X-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=0; PF=22\r\n\r\n"
	hiThere      = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nhi there"
	areYouThere  = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nX-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=0; PF=0\r\n\r\nare you there?"
	bobTypes     = "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.net\r\n\r\n\r\n"
	aliceTypes   = "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: alice@example.net\r\n\r\n\r\n"
	fileInvite   = "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsinvite; charset=UTF-8\r\n\r\nApplication-Name: File Transfer\r\nApplication-GUID: {5D3E02AB-6190-11d3-BBBB-00C04F795683}\r\nInvitation-Command: INVITE\r\nInvitation-Cookie: 33267\r\nApplication-File: photo.jpg\r\nApplication-FileSize: 20480\r\n\r\n"
	inviteCancel = "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsinvite; charset=UTF-8\r\n\r\nInvitation-Command: CANCEL\r\nInvitation-Cookie: 33267\r\nCancel-Code: REJECT\r\n\r\n"
)

func TestMessageVectors(t *testing.T) {
	for _, tt := range []struct {
		payload string
		bytes   int
		kind    Kind
		text    string
	}{
		{helloBob + "Hello Bob", 122, KindText, "Hello Bob"},
		{helloBob + "café ☕", 122, KindText, "café ☕"},
		{hiThere, 70, KindText, "hi there"},
		{areYouThere, 126, KindText, "are you there?"},
		{bobTypes, 88, KindTyping, "\n"},
		{aliceTypes, 90, KindTyping, "\n"},
		{fileInvite, 276, KindInvite, ""},
		{inviteCancel, 148, KindInvite, ""},
	} {
		if len(tt.payload) != tt.bytes {
			t.Errorf("%q has %d bytes, want %d", tt.payload, len(tt.payload), tt.bytes)
		}
		m := ParseMessage([]byte(tt.payload))
		if m.Kind() != tt.kind || tt.text != "" && m.Text() != tt.text || string(m.Raw) != tt.payload {
			t.Errorf("%q: kind %d, text %q", tt.payload, m.Kind(), m.Text())
		}
	}
}

func TestMakeMessages(t *testing.T) {
	for want, got := range map[string][]byte{
		hiThere:      TextMessage("hi there", false),
		areYouThere:  TextMessage("are you there?", true),
		bobTypes:     TypingMessage("bob@example.net"),
		aliceTypes:   TypingMessage("alice@example.net"),
		inviteCancel: DeclineMessage("33267"),
		textHead + "\r\none\r\ntwo\r\nthree\r\n\r\n": TextMessage("one\ntwo\r\nthree\r\n\n", false),
		textHead + "\r\na\uFFFDb":                    TextMessage("a\xffb", false),
		textHead + "\r\n":                            TextMessage("", false),
		textHead + "X-MMS-IM-Format: FN=Arial; EF=BI; CO=0; CS=0; PF=0\r\n\r\nhi": StyledMessage("hi", "BI"),
	} {
		if string(got) != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	if got := string(DeclineMessage("1\r\nX: y")); strings.Contains(got, "\r\nX") {
		t.Errorf("cookie makes a line: %q", got)
	}
	if got := string(TypingMessage("a\r\nX: y")); strings.Contains(got, "\r\nX") {
		t.Errorf("address makes a line: %q", got)
	}
}

// msnp.md 25.9: payloads stay under 1,250 bytes; 13: the head has 112 bytes.
func TestEmitLimits(t *testing.T) {
	if MaxEmitText != 1249-112 {
		t.Errorf("MaxEmitText = %d", MaxEmitText)
	}
	if n := len(TextMessage(strings.Repeat("x", MaxEmitText), true)); n != MaxEmitPayload || n >= 1250 {
		t.Errorf("longest text makes %d bytes", n)
	}
	if n := MaxPayload - len(TextMessage("", true)); n != 1552 {
		t.Errorf("%d bytes for text with a format line, want 1552", n)
	}
	if n := MaxPayload - len(TextMessage("", false)); n != 1602 {
		t.Errorf("%d bytes for text without, want 1602", n)
	}
}

func TestParseMessage(t *testing.T) {
	tests := []struct {
		name, in string
		headers  []Header
		body     string
	}{
		{"empty", "", nil, ""},
		{"no head", "just text", nil, "just text"},
		{"no head, empty line", "just text\r\n\r\nmore: text", nil, "just text\r\n\r\nmore: text"},
		{"starts with the empty line", "\r\ntext", nil, "\r\ntext"},
		{"head alone", "A: b\r\nC: d", []Header{{"A", "b"}, {"C", "d"}}, ""},
		{"head with its end", "A: b\r\n\r\n", []Header{{"A", "b"}}, ""},
		{"LF alone", "A: b\nC:d\n\nx\ny", []Header{{"A", "b"}, {"C", "d"}}, "x\ny"},
		{"mixed", "A: b\r\nC: d\n\r\nx", []Header{{"A", "b"}, {"C", "d"}}, "x"},
		{"no value", "A:\r\nB: \r\n\r\nx", []Header{{"A", ""}, {"B", ""}}, "x"},
		{"colon in the value", "A: b:c\r\n\r\nx", []Header{{"A", "b:c"}}, "x"},
		{"folded", "A: b\r\n\tc\r\nD: e\r\n\r\nx", []Header{{"A", "b c"}, {"D", "e"}}, "x"},
		{"junk within", "A: b\r\njunk\r\n: x\r\nD: e\r\n\r\nx", []Header{{"A", "b"}, {"D", "e"}}, "x"},
		{"spaces at the name", "A : b\r\n\r\nx", []Header{{"A", "b"}}, "x"},
		{"CR within the line", "A: b\rc\r\n\r\nx", []Header{{"A", "b\rc"}}, "x"},
	}
	for _, tt := range tests {
		m := ParseMessage([]byte(tt.in))
		if !reflect.DeepEqual(m.Headers, tt.headers) || string(m.Body) != tt.body || string(m.Raw) != tt.in {
			t.Errorf("%s: headers %q, body %q", tt.name, m.Headers, m.Body)
		}
	}
}

func TestMessageTypes(t *testing.T) {
	tests := []struct {
		contentType, media, charset string
		kind                        Kind
	}{
		{"text/plain; charset=UTF-8", "text/plain", "utf-8", KindText},
		{"text/plain;charset=utf-8", "text/plain", "utf-8", KindText},
		{"Text/Plain", "text/plain", "", KindText},
		{` text/plain ; format=flowed; Charset="ISO-8859-1" `, "text/plain", "iso-8859-1", KindText},
		{"text/x-msmsgscontrol", "text/x-msmsgscontrol", "", KindOther}, // nobody named
		{"text/x-msmsgsinvite; charset=UTF-8", "text/x-msmsgsinvite", "utf-8", KindInvite},
		{"text/x-clientcaps", "text/x-clientcaps", "", KindOther},
		{"text/x-bitlbee-keepalive", "text/x-bitlbee-keepalive", "", KindOther},
		{";;=;charset", "", "", KindOther},
		{"", "", "", KindOther},
	}
	for _, tt := range tests {
		m := ParseMessage([]byte("CONTENT-TYPE: " + tt.contentType + "\r\n\r\nx"))
		if m.MediaType() != tt.media || m.Charset() != tt.charset || m.Kind() != tt.kind {
			t.Errorf("%q: %q, %q, %d", tt.contentType, m.MediaType(), m.Charset(), m.Kind())
		}
	}
	if m := ParseMessage([]byte("hello")); m.Kind() != KindOther || m.Header("Content-Type") != "" {
		t.Errorf("a message without a type is %d", m.Kind())
	}
}

func TestMessageText(t *testing.T) {
	for _, tt := range []struct{ charset, body, want string }{
		{"; charset=UTF-8", "café ☕", "café ☕"},
		{"", "café ☕", "café ☕"},
		{"", "caf\xe9", "café"},
		{"; charset=UTF-8", "caf\xe9", "café"}, // declared, but it is not
		{"; charset=iso-8859-1", "caf\xe9", "café"},
		{"; charset=iso-8859-1", "é", "Ã©"},
		{"; charset=us-ascii", "plain", "plain"},
		{"; charset=UTF8", "a\r\nb\nc\rd\r\n", "a\nb\nc\nd\n"},
		{"", "", ""},
	} {
		m := ParseMessage([]byte("Content-Type: text/plain" + tt.charset + "\r\n\r\n" + tt.body))
		if got := m.Text(); got != tt.want {
			t.Errorf("%q %q: %q, want %q", tt.charset, tt.body, got, tt.want)
		}
	}
}

func TestInvite(t *testing.T) {
	if cookie, ok := ParseMessage([]byte(fileInvite)).Invite(); cookie != "33267" || !ok {
		t.Errorf("file invitation: %q, %v", cookie, ok)
	}
	for _, body := range []string{
		"Invitation-Command: CANCEL\r\nInvitation-Cookie: 1\r\n",
		"Invitation-Command: ACCEPT\r\nInvitation-Cookie: 1\r\n",
		"Invitation-Command: INVITE\r\n",
		"Invitation-Cookie: 1\r\n",
		"Invitation-Command: INVITE\r\nInvitation-Cookie: " + strings.Repeat("9", 65) + "\r\n",
		"",
	} {
		if cookie, ok := ParseMessage([]byte(inviteHead + body)).Invite(); ok {
			t.Errorf("%q asks for an answer: %q", body, cookie)
		}
	}
	if cookie, ok := ParseMessage([]byte(inviteHead + "invitation-command: invite\ninvitation-cookie:7")).Invite(); cookie != "7" || !ok {
		t.Errorf("other case: %q, %v", cookie, ok)
	}
	text := textHead + "\r\nInvitation-Command: INVITE\r\nInvitation-Cookie: 1\r\n"
	if _, ok := ParseMessage([]byte(text)).Invite(); ok {
		t.Error("a text is an invitation")
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, s := range []string{"", "x", helloBob + "café", bobTypes, fileInvite, inviteCancel, "A: b\n c\n\nx", ":\r\n\r\n", "Content-Type: text/plain; charset=\xff\r\n\r\n\xe9"} {
		f.Add([]byte(s))
	}
	for _, s := range captureStreams(f) {
		for _, c := range s.want {
			if c.Payload != nil {
				f.Add(c.Payload)
			}
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m := ParseMessage(in)
		if !bytes.Equal(m.Raw, in) || !bytes.HasSuffix(in, m.Body) {
			t.Errorf("%q: body %q is no end of it", in, m.Body)
		}
		for _, h := range m.Headers {
			if h.Name == "" || strings.ContainsAny(h.Name+h.Value, "\n") {
				t.Errorf("%q: header %q", in, h)
			}
		}
		text := m.Text()
		if !utf8.ValidString(text) || strings.Contains(text, "\r") {
			t.Errorf("%q: text %q", in, text)
		}
		// What is made from the text reads as the same text.
		made := ParseMessage(TextMessage(text, true))
		if made.Text() != text || made.Kind() != KindText || made.Header("X-MMS-IM-Format") == "" {
			t.Errorf("%q comes back as %q", text, made.Text())
		}
		if cookie, ok := m.Invite(); ok {
			no := ParseMessage(DeclineMessage(cookie))
			if _, again := no.Invite(); again || no.Kind() != KindInvite {
				t.Errorf("refusal of %q: %q", cookie, no.Raw)
			}
		}
	})
}
