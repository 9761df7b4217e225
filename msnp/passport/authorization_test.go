package passport

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

const challenge = "ct=1726321960,lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,kpp=1,kv=5,ver=2.1.0173.1,tpf=00112233445566778899aabbccddeeff"

func TestParseAuthorization(t *testing.T) {
	const begin = "Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,"
	one := func(p ...string) login { return login{alice, p} }
	for _, tt := range []struct {
		name, header string
		want         login
	}{
		{"escaped", begin + "sign-in=alice%40webtv%2elocal,pwd=hunter22," + challenge, one("hunter22")},
		{"not escaped", begin + "sign-in=alice@webtv.local,pwd=hunter22," + challenge, one("hunter22")},
		{"twice the word", "Passport1.4 " + begin + "sign-in=alice@webtv.local,pwd=a", one("a")},
		{"case", "PASSPORT1.4 Sign-In=Alice@WebTV.local,PWD=a", one("a")},
		{"spaces", "  Passport1.4   sign-in = alice@webtv.local, pwd=a", one("a")},
		{"order", "Passport1.4 " + challenge + ",pwd=a,elapsed-time=3,sign-in=" + alice, one("a")},
		{"first counts", "Passport1.4 sign-in=" + alice + ",pwd=a,sign-in=bob@webtv.local,pwd=b,c", one("a")},
		{"empty password", "Passport1.4 sign-in=" + alice + ",pwd=," + challenge, one("")},
		{"plus and equals", "Passport1.4 sign-in=" + alice + ",pwd=a+b=c", one("a+b=c")},
		{"comma escaped", "Passport1.4 sign-in=" + alice + ",pwd=a%2Cb", one("a,b", "a%2Cb")},
		{"once only", "Passport1.4 sign-in=" + alice + ",pwd=a%252Cb", one("a%2Cb", "a%252Cb")},
		{"raw percent", "Passport1.4 sign-in=" + alice + ",pwd=50%," + challenge, one("50%")},
		{"raw commas", "Passport1.4 sign-in=" + alice + ",pwd=a,b,c," + challenge, one("a,b,c")},
		{"UTF-8", "Passport1.4 sign-in=" + alice + ",pwd=p%C3%A4", one("pä", "p%C3%A4")},
		{"Latin-1", "Passport1.4 sign-in=" + alice + ",pwd=p%E4", one("pä", "p%E4")},
		{"raw Latin-1", "Passport1.4 sign-in=" + alice + ",pwd=p\xE4", one("pä")},
		{"trailing commas", "Passport1.4 sign-in=" + alice + ",pwd=a,,", one("a")},
		{"orphan", "Passport1.4 x,y,sign-in=" + alice + ",pwd=a", one("a")},
	} {
		got, err := parseAuthorization(tt.header)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestBadAuthorization(t *testing.T) {
	for header, want := range map[string]string{
		"":                                       "not of Passport 1.4",
		"Passport1.4":                            "no sign-in",
		"Basic YTpi":                             "not of Passport 1.4",
		"Passport1.40 sign-in=a@b,pwd=c":         "not of Passport 1.4",
		"Passport1.4 pwd=secret":                 "no sign-in",
		"Passport1.4 sign-in=a@b":                "no pwd",
		"Passport1.4 sign-in=a%@b,pwd=secret":    "bad escapes",
		"Passport1.4 sign-in=%zz,pwd=secret":     "bad escapes",
		"Passport1.4 sign-in=alice,pwd=secret":   "the address is none",
		"Passport1.4 sign-in=@b,pwd=secret":      "the address is none",
		"Passport1.4 sign-in=a@,pwd=secret":      "the address is none",
		"Passport1.4 sign-in=a%0Ab@c,pwd=secret": "the address is none",
		"Passport1.4 sign-in=a%ffb@c,pwd=secret": "the address is none",
		"Passport1.4 sign-in=" + strings.Repeat("a", maxAddress) + "@b,pwd=secret": "the address is none",
		"Passport1.4 sign-in=a@b,pwd=" + strings.Repeat("s", maxPassword+1):        "too long",
		"Passport1.4 sign-in=a@b,pwd=secret" + strings.Repeat(",a=b", maxFields):   "too many fields",
	} {
		_, err := parseAuthorization(header)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.60q: %v, want %s", header, err, want)
		}
	}
}

// TestLongPasswordOfEscapes: one reading of a password may be too long where the
// other is what the account has. Found by fuzzing.
func TestLongPasswordOfEscapes(t *testing.T) {
	password := strings.Repeat(" ", maxPassword)
	l, err := parseAuthorization("Passport1.4 sign-in=a@b,pwd=" + strings.Repeat("%20", maxPassword))
	if err != nil || len(l.passwords) != 1 || l.passwords[0] != password {
		t.Errorf("%d readings, %v", len(l.passwords), err)
	}
	if _, err := parseAuthorization("Passport1.4 sign-in=a@b,pwd=" + strings.Repeat("%20", maxPassword+1)); err == nil {
		t.Error("a password is as long as it likes")
	}
}

// Whatever comes in, a login is an address and one or two passwords that can be
// checked and logged; and what is written as the specification says comes back.
func FuzzParseAuthorization(f *testing.F) {
	f.Add("Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,sign-in=alice%40webtv%2elocal,pwd=hunter22,"+challenge, "hunter22")
	f.Add("Passport1.4 OrgVerb=GET,OrgURL=http://messenger.msn.com,sign-in=carol%40webtv.local,pwd=50% off, a,b,"+challenge, "50% off, a,b")
	f.Add("Passport1.4 Passport1.4 sign-in=a@b,pwd=p%E4\xE4,,=,=", "pä+%2C")
	f.Add("Passport1.4 sign-in=%,pwd", "")
	f.Fuzz(func(t *testing.T, header, password string) {
		l, err := parseAuthorization(header)
		if err == nil {
			if n := len(l.passwords); n < 1 || n > 2 || len(l.address) > maxAddress || !strings.Contains(l.address, "@") ||
				strings.IndexFunc(l.address, unprintable) >= 0 {
				t.Fatalf("%q", l)
			}
			for _, p := range l.passwords {
				if !utf8.ValidString(p) || len(p) > maxPassword {
					t.Fatalf("password %q", p)
				}
			}
		} else if l.address != "" || l.passwords != nil {
			t.Fatalf("%v with %q", err, l)
		}
		if !utf8.ValidString(password) || len(password) > maxPassword {
			return
		}
		escaped := strings.ReplaceAll(url.QueryEscape(password), "+", "%20")
		l, err = parseAuthorization("Passport1.4 OrgVerb=GET,sign-in=a%40b,pwd=" + escaped + "," + challenge)
		if err != nil || l.address != "a@b" || l.passwords[0] != password {
			t.Fatalf("%q: %q, %v", password, l, err)
		}
	})
}
