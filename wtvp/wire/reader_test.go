package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func reader(s string) *Reader { return NewReader(bufio.NewReader(strings.NewReader(s))) }

// wantError checks for an *Error with status 400 whose reason holds a text.
func wantError(t *testing.T, err error, reason string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Status != 400 || !strings.Contains(e.Reason, reason) {
		t.Errorf("error %v, want *Error 400 with %q", err, reason)
	}
}

func TestReadRequest(t *testing.T) {
	tests := []struct {
		name, in string
		want     Request
	}{
		{
			"as a box sends it", "GET wtv-passport:/messengerlogin?1013928519.693957190\r\nwtv-request-type: primary\r\n\r\n",
			Request{Method: "GET", URL: "wtv-passport:/messengerlogin?1013928519.693957190",
				Header: Header{{"wtv-request-type", "primary"}}},
		},
		{
			"SECURE ON, no space after the colon", "SECURE ON\r\nwtv-incarnation:4\r\n\r\n",
			Request{Method: "SECURE ON", Header: Header{{"wtv-incarnation", "4"}}},
		},
		{
			"LF LF", "GET wtv-home:home\nA: b\n\n",
			Request{Method: "GET", URL: "wtv-home:home", Header: Header{{"A", "b"}}},
		},
		{
			"LF CRLF", "GET wtv-home:home\nA: b\n\r\n",
			Request{Method: "GET", URL: "wtv-home:home", Header: Header{{"A", "b"}}},
		},
		{"no headers", "PUT a:/b\r\n\r\n", Request{Method: "PUT", URL: "a:/b"}},
		{"blank lines before", "\r\n\nGET a:/b\r\n\r\n", Request{Method: "GET", URL: "a:/b"}},
		{
			"spaces and repeats", "POST  a:/b \t\r\nX:  1 \r\nx :2\r\nY:\r\nX:a:b\r\n\r\n",
			Request{Method: "POST", URL: "a:/b", Header: Header{{"X", "1"}, {"x", "2"}, {"Y", ""}, {"X", "a:b"}}},
		},
		{"browser", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", Request{Method: "GET", URL: "/", HTTP: true, Header: Header{{"Host", "h"}}}},
		{"version cut from a WTVP URL", "GET a:/b?c d HTTP/1.0\r\n\r\n", Request{Method: "GET", URL: "a:/b?c d", HTTP: true}},
		{"no version", "GET a:/b? HTTP/2.0\r\n\r\n", Request{Method: "GET", URL: "a:/b? HTTP/2.0"}},
		{"not a version", "GET a:/b?HTTP/1.1\r\n\r\n", Request{Method: "GET", URL: "a:/b?HTTP/1.1"}},
		{"URL stays raw", "GET a:/%2F?%3f?x&y=\xe9\r\n\r\n", Request{Method: "GET", URL: "a:/%2F?%3f?x&y=\xe9"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const next = "GET next:/\r\n\r\n"
			for _, in := range []io.Reader{strings.NewReader(tt.in + next), iotest.OneByteReader(strings.NewReader(tt.in + next))} {
				r := NewReader(bufio.NewReader(in))
				got, err := r.ReadRequest()
				if err != nil || !reflect.DeepEqual(*got, tt.want) {
					t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
				}
				if got, err := r.ReadRequest(); err != nil || got.URL != "next:/" {
					t.Errorf("next: %+v, %v", got, err)
				}
				if _, err := r.ReadRequest(); err != io.EOF {
					t.Errorf("at the end: %v, want io.EOF", err)
				}
			}
		})
	}
}

func TestReadRequestErrors(t *testing.T) {
	tests := []struct{ name, in, reason string }{
		{"method", "HEAD a:/b\r\n\r\n", "unknown method"},
		{"lower case", "get a:/b\r\n\r\n", "unknown method"},
		{"ciphertext", "\x9a\x01\x02 \xff\r\n\r\n", "unknown method"},
		{"no URL", "GET\r\n\r\n", "without a URL"},
		{"blank URL", "GET  \t\r\n\r\n", "without a URL"},
		{"SECURE ON with more", "SECURE ON x\r\n\r\n", "unknown method"},
		{"no colon", "GET a:/b\r\njunk\r\n\r\n", "without a colon"},
		{"empty name", "GET a:/b\r\n: v\r\n\r\n", "bad header name"},
		{"space in name", "GET a:/b\r\na b: v\r\n\r\n", "bad header name"},
		{"folded line", "GET a:/b\r\nA: b\r\n c: d\r\n\r\n", "bad header name"},
		{"NUL", "GET a:/b\x00\r\n\r\n", "NUL or lone CR"},
		{"lone CR", "GET a:/b\rX: y\r\n\r\n", "NUL or lone CR"},
		{"CR CR LF", "GET a:/b\r\r\n\r\n", "NUL or lone CR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := reader(tt.in).ReadRequest()
			wantError(t, err, tt.reason)
		})
	}
}

func TestTruncated(t *testing.T) {
	const whole = "GET a:/b\r\nA: b\r\n\r\n"
	for n := range len(whole) {
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		if _, err := reader(whole[:n]).ReadRequest(); err != want {
			t.Errorf("request of %d bytes: %v, want %v", n, err, want)
		}
		resp := "200 OK\nA: bb\nC: d\n\n"[:n]
		if _, err := reader(resp).ReadResponse(); err != want {
			t.Errorf("response of %d bytes: %v, want %v", n, err, want)
		}
	}
	if _, err := reader("abc").ReadBody(4); err != io.ErrUnexpectedEOF {
		t.Errorf("body: %v", err)
	}
	if _, err := reader("").ReadBody(4); err != io.ErrUnexpectedEOF {
		t.Errorf("empty body: %v", err)
	}
}

func TestLimits(t *testing.T) {
	line := func(n int) string { return "GET " + strings.Repeat("u", n-len("GET \r\n")) + "\r\n" }
	headers := func(n int) string { return "GET a:b\r\n" + strings.Repeat("A: b\r\n", n) }
	field := strings.Repeat("v", 1000)
	head := func(n int) string { // a head of exactly n bytes
		s := "GET a:b\r\n"
		for n-len(s) > 1100 {
			s += "A: " + field + "\r\n"
		}
		return s + "A: " + strings.Repeat("w", n-len(s)-len("A: \r\n\r\n")) + "\r\n"
	}
	tests := []struct{ name, ok, over, reason string }{
		{"line", line(MaxLine) + "\r\n", line(MaxLine+1) + "\r\n", "line of more than"},
		{"header line", "GET a:b\r\n" + line(MaxLine)[4:] + "\r\n", "GET a:b\r\nA:" + line(MaxLine) + "\r\n", "line of more than"},
		{"headers", headers(MaxHeaders) + "\r\n", headers(MaxHeaders+1) + "\r\n", "header lines"},
		{"head", head(MaxHead) + "\r\n", head(MaxHead+1) + "\r\n", "head of more than"},
		{"blank lines", strings.Repeat("\n", MaxSurplus) + "GET a:b\n\n", strings.Repeat("\n", MaxSurplus+1) + "GET a:b\n\n",
			"outside of any request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "header line" {
				tt.ok = "GET a:b\r\nA:" + strings.Repeat("v", MaxLine-4) + "\r\n\r\n"
			}
			if _, err := reader(tt.ok).ReadRequest(); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			_, err := reader(tt.over).ReadRequest()
			wantError(t, err, tt.reason)
			// An endless sender is stopped by the limit, not by the end of its bytes.
			begun, fill := tt.over[:len(tt.over)-4], "v"
			if tt.name == "blank lines" {
				begun, fill = "", "\n"
			}
			_, err = NewReader(bufio.NewReader(io.MultiReader(strings.NewReader(begun), endless(fill[0])))).ReadRequest()
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("endless: %v", err)
			}
		})
	}
}

// endless is a source that repeats one byte.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestBodyLength(t *testing.T) {
	tests := []struct {
		method string
		values []string
		want   int
		reason string
	}{
		{"POST", nil, 0, ""},
		{"POST", []string{"7"}, 7, ""},
		{"PUT", []string{"007"}, 7, ""},
		{"POST", []string{"7", "7"}, 7, ""},
		{"GET", []string{"7"}, 0, ""},
		{"GET", []string{"junk"}, 0, ""},
		{"POST", []string{fmt.Sprint(MaxBody)}, MaxBody, ""},
		{"POST", []string{fmt.Sprint(MaxBody + 1)}, 0, "body of more"},
		{"POST", []string{"99999999999999999999999"}, 0, "body of more"},
		{"POST", []string{"-1"}, 0, "not a number"},
		{"POST", []string{"+1"}, 0, "not a number"},
		{"POST", []string{"0x10"}, 0, "not a number"},
		{"POST", []string{""}, 0, "empty"},
		{"POST", []string{"1", "2"}, 0, "two different"},
	}
	for _, tt := range tests {
		req := Request{Method: tt.method}
		for i, v := range tt.values {
			req.Header.Add([]string{"Content-length", "CONTENT-LENGTH"}[i], v)
		}
		got, err := req.BodyLength()
		if got != tt.want {
			t.Errorf("%s %q: %d, want %d", tt.method, tt.values, got, tt.want)
		}
		if tt.reason != "" {
			wantError(t, err, tt.reason)
		} else if err != nil {
			t.Errorf("%s %q: %v", tt.method, tt.values, err)
		}
	}
}

func TestReadBody(t *testing.T) {
	data := strings.Repeat("0123456789", MaxBody/10+1)[:MaxBody]
	for _, n := range []int{0, 1, 4095, 4096, 4097, 8192, 10000, MaxBody} {
		r := NewReader(bufio.NewReader(iotest.HalfReader(strings.NewReader(data[:n] + "rest"))))
		got, err := r.ReadBody(n)
		if err != nil || string(got) != data[:n] {
			t.Errorf("body of %d: %d bytes, %v", n, len(got), err)
		}
		if rest, err := r.ReadBody(4); err != nil || string(rest) != "rest" {
			t.Errorf("after %d: %q, %v", n, rest, err)
		}
	}
	_, err := reader(data).ReadBody(MaxBody + 1)
	wantError(t, err, "body of more")
	// A client that announces a large body and sends none costs one step.
	if n := testing.AllocsPerRun(20, func() { _, _ = reader("").ReadBody(MaxBody) }); n > 8 {
		t.Errorf("%v allocations", n)
	}
}

// TestAwaitSurplus: bytes after a POST body are skipped until a request begins.
func TestAwaitSurplus(t *testing.T) {
	tests := []struct {
		name, before string
	}{
		{"none", ""},
		{"line end", "\r\n"},
		{"form data", "&c=3&submit=OK"},
		{"form data and line end", "&c=3\r\n"},
		{"beginnings of methods", "GEPOSGPOSPUT_SECURE O"},
		{"binary", "\x00\xff\r\x00\n\x01"},
		{"as much as allowed", strings.Repeat("x", MaxSurplus)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, head := range []string{"GET a:/b", "POST a:/b", "PUT a:/b", "SECURE ON"} {
				r := reader(tt.before + head + "\r\nA: b\r\n\r\nGET next:/\r\n\r\n")
				n, err := r.Await(true)
				if err != nil || n != len(tt.before) {
					t.Fatalf("skipped %d of %d, %v", n, len(tt.before), err)
				}
				req, err := r.ReadRequest()
				if err != nil || !strings.HasPrefix(head, req.Method) || req.Header.Value("a") != "b" {
					t.Errorf("%s: %+v, %v", head, req, err)
				}
				if req, err := r.ReadRequest(); err != nil || req.URL != "next:/" {
					t.Errorf("next: %+v, %v", req, err)
				}
			}
		})
	}
	_, err := reader(strings.Repeat("x", MaxSurplus+1) + "GET a:/b\r\n\r\n").Await(true)
	wantError(t, err, "outside of any request")
	if n, err := reader("abcGE").Await(true); err != io.EOF || n != 5 {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

func TestLookup(t *testing.T) {
	h := Header{{"wtv-service", "reset"}, {"A", "1"}, {"WTV-Service", "name=x"}}
	if got := h.Values("Wtv-Service"); !reflect.DeepEqual(got, []string{"reset", "name=x"}) {
		t.Errorf("Values: %q", got)
	}
	if h.Value("a") != "1" || h.Value("b") != "" || h.Values("b") != nil {
		t.Error("Value or Values is wrong")
	}
	if _, ok := h.Lookup("b"); ok {
		t.Error("Lookup finds what is not there")
	}
}

func TestParseURL(t *testing.T) {
	good := map[string]URL{
		"wtv-passport:/messengerlogin?a?b&c": {"wtv-passport", "/messengerlogin", "a?b&c", true},
		"WTV-Home:home":                      {"wtv-home", "/home", "", false},
		"wtv-1800:/preregister?":             {"wtv-1800", "/preregister", "", true},
		"wtv-home:":                          {"wtv-home", "/", "", false},
		"wtv-home:?x":                        {"wtv-home", "/", "x", true},
		"wtv-*:/a":                           {"wtv-*", "/a", "", false},
		"http://host/p":                      {"http", "//host/p", "", false},
		"a:/b:c?ct=1,ru=http:%2F%2Fx":        {"a", "/b:c", "ct=1,ru=http:%2F%2Fx", true},
	}
	for raw, want := range good {
		if got, err := ParseURL(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "/", "/a:b", ":/a", "a", "a?b:c", "a b:/c", "a\x00:/"} {
		_, err := ParseURL(raw)
		wantError(t, err, "without a service")
	}
}
