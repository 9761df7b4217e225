package wire

import (
	"reflect"
	"strings"
	"testing"
)

func TestResponseAppendTo(t *testing.T) {
	r := Response{
		Status: 200, Text: "OK",
		Header:      Header{{"Connection", "Keep-Alive"}, {"wtv-service", "reset"}, {"wtv-service", "name=a host=b port=1"}},
		ContentType: "text/plain", ContentLength: 32,
	}
	const want = "200 OK\nConnection: Keep-Alive\nwtv-service: reset\nwtv-service: name=a host=b port=1\n" +
		"Content-type: text/plain\nContent-length: 32\n\n"
	got, err := r.AppendTo([]byte("x"))
	if err != nil || string(got) != "x"+want {
		t.Errorf("got %q, %v", got, err)
	}
	back, err := reader(want).ReadResponse()
	if err != nil || back.Status != 200 || back.Text != "OK" || back.ContentType != "text/plain" || back.ContentLength != 32 ||
		!reflect.DeepEqual(back.Header[:3], r.Header) || len(back.Header) != 5 {
		t.Errorf("read back %+v, %v", back, err)
	}
	got, err = (&Response{Status: 404, Text: "none"}).AppendTo(nil)
	if err != nil || string(got) != "404 none\nContent-length: 0\n\n" {
		t.Errorf("without type: %q, %v", got, err)
	}
}

// TestInjection: no value can begin a line of its own, in either direction.
func TestInjection(t *testing.T) {
	for _, bad := range []string{"a\nwtv-visit: client:poweroff", "a\r", "a\r\nB: c", "\x00", "a\n\nbody"} {
		for name, r := range map[string]Response{
			"value": {Status: 200, Header: Header{{"A", bad}}},
			"name":  {Status: 200, Header: Header{{bad, "a"}}},
			"type":  {Status: 200, ContentType: bad},
		} {
			if b, err := r.AppendTo(nil); err == nil {
				t.Errorf("response %s %q: written as %q", name, bad, b)
			}
		}
		for name, r := range map[string]Request{
			"value":  {Method: "GET", URL: "a:/", Header: Header{{"A", bad}}},
			"name":   {Method: "GET", URL: "a:/", Header: Header{{bad, "A"}}},
			"URL":    {Method: "GET", URL: "a:/" + bad},
			"method": {Method: bad, URL: "a:/"},
		} {
			if b, err := r.AppendTo(nil); err == nil {
				t.Errorf("request %s %q: written as %q", name, bad, b)
			}
		}
		b, err := (&Response{Status: 500, Text: bad}).AppendTo(nil)
		if err != nil || strings.Count(string(b), "\n") != 3 || strings.ContainsAny(string(b), "\r\x00") {
			t.Errorf("status text %q: %q, %v", bad, b, err)
		}
	}
	for _, r := range []Response{
		{Status: 99}, {Status: 1000}, {Status: 200, ContentLength: -1},
		{Status: 200, Header: Header{{"content-Length", "1"}}}, {Status: 200, Header: Header{{"Content-Type", "a/b"}}},
		{Status: 200, Header: Header{{"", "x"}}}, {Status: 200, Header: Header{{"a:b", "x"}}},
	} {
		if b, err := r.AppendTo(nil); err == nil {
			t.Errorf("%+v: written as %q", r, b)
		}
	}
	if b, err := (&Request{Method: MethodSecureOn, URL: "a:/"}).AppendTo(nil); err == nil {
		t.Errorf("SECURE ON with a URL: %q", b)
	}
}

func TestRequestAppendTo(t *testing.T) {
	got, err := (&Request{Method: "POST", URL: "a:/b?c", Header: Header{{"X", "1"}, {"X", "2"}}}).AppendTo(nil)
	if want := "POST a:/b?c\r\nX: 1\r\nX: 2\r\n\r\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	got, err = (&Request{Method: MethodSecureOn, Header: Header{{"wtv-incarnation", "4"}}}).AppendTo(nil)
	if want := "SECURE ON\r\nwtv-incarnation: 4\r\n\r\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestStatusText(t *testing.T) {
	tests := map[string]string{
		"":                       "",
		"OK":                     "OK",
		"Grüße":                  "Gr\xfc\xdfe",
		"a\tb\r\nc":              "a b  c",
		"snow ☃ man":             "snow ? man",
		"\u0085\x7f":             "  ",
		"bad \xff utf8":          "bad ? utf8",
		strings.Repeat("a", 300): strings.Repeat("a", MaxStatusText),
		strings.Repeat("ü", 256): strings.Repeat("\xfc", MaxStatusText),
	}
	for in, want := range tests {
		if got := StatusText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestReadResponse(t *testing.T) {
	good := map[string]Response{
		"200 OK\r\nContent-Length: 5\r\n\r\n": {Status: 200, Text: "OK", Header: Header{{"Content-Length", "5"}}, ContentLength: 5},
		"404\n\n":                             {Status: 404},
		"500 Two words \nA:b\n\n":             {Status: 500, Text: "Two words", Header: Header{{"A", "b"}}},
	}
	for in, want := range good {
		if got, err := reader(in).ReadResponse(); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%q: %+v, %v, want %+v", in, got, err, want)
		}
	}
	bad := map[string]string{
		"HTTP/1.0 200 OK\n\n":               "bad status line",
		"OK\n\n":                            "bad status line",
		"20 OK\n\n":                         "bad status line",
		"099 OK\n\n":                        "bad status line",
		"2x0 OK\n\n":                        "bad status line",
		"\n200 OK\n\n":                      "bad status line",
		"200 OK\nContent-length: x\n\n":     "not a number",
		"200 OK\nno colon\n\n":              "without a colon",
		"200 OK\nContent-length: 65537\n\n": "body of more",
	}
	for in, reason := range bad {
		_, err := reader(in).ReadResponse()
		wantError(t, err, reason)
	}
}
