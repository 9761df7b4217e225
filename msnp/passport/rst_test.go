package passport

import (
	"encoding/xml"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// envelope is a token request with parts of a test's choice.
func envelope(user, password, body string) string {
	return `<E:Envelope xmlns:E="http://www.w3.org/2003/05/soap-envelope"><E:Header><o:Security><o:UsernameToken><o:Username>` + user +
		`</o:Username><o:Password>` + password + `</o:Password></o:UsernameToken></o:Security></E:Header><E:Body>` + body + `</E:Body></E:Envelope>`
}

func wanted(address, policy string) string {
	return `<t:RequestSecurityToken><p:AppliesTo><a:EndpointReference><a:Address>` + address +
		`</a:Address></a:EndpointReference></p:AppliesTo><p:PolicyReference URI="` + policy + `"/></t:RequestSecurityToken>`
}

func TestParseTokenRequest(t *testing.T) {
	messenger := target{"messenger.msn.com", "?id=507"}
	tests := []struct {
		name, body string
		want       tokenRequest
	}{
		{"one target, alone", envelope(alice, "hunter22", wanted("messenger.msn.com", "?id=507")),
			tokenRequest{login{alice, []string{"hunter22"}}, []target{messenger}}},
		{"two in a collection", envelope(" Alice@webtv.local\n", "a&lt;&#x62;", "<m:Multi>"+wanted(" http://Passport.NET/tb ", "")+wanted("messenger.msn.com", "?id=507")+"</m:Multi>"),
			tokenRequest{login{alice, []string{"a<b"}}, []target{{legacyTarget, ""}, messenger}}},
		{"set in lines", envelope(alice, "\n  hunter22\n", wanted("x", "")),
			tokenRequest{login{alice, []string{"\n  hunter22\n", "hunter22"}}, []target{{"x", ""}}}},
		{"empty password", envelope(alice, "", wanted("x", "")), tokenRequest{login{alice, []string{""}}, []target{{"x", ""}}}},
		{"CDATA", envelope(alice, "<![CDATA[<&]]>", wanted("x", "")), tokenRequest{login{alice, []string{"<&"}}, []target{{"x", ""}}}},
		{"no target's address", envelope(alice, "a", "<RequestSecurityToken/>"), tokenRequest{login{alice, []string{"a"}}, []target{{}}}},
		{"comments", "<!-- x --><?xml version='1.0' encoding='utf-8'?>" + envelope(alice, "a<!-- b -->c", wanted("x", "")) + "\n<!-- y -->\n",
			tokenRequest{login{alice, []string{"ac"}}, []target{{"x", ""}}}},
	}
	for _, tt := range tests {
		got, err := parseTokenRequest([]byte(tt.body))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestBadTokenRequest(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1)
	for body, want := range map[string]string{
		"":                              "not well-formed",
		"hunter22":                      "not well-formed",
		"<Envelope>":                    "not well-formed",
		"<Envelope></envelope>":         "not well-formed",
		"</Envelope>":                   "not well-formed",
		"<Envelope/><Envelope/>":        "not well-formed",
		"<Envelope/>":                   "no user name",
		envelope(alice, "hunter22", ""): "no token wanted",
		envelope("alice", "hunter22", wanted("x", "")):                       "address is none",
		envelope("a<b/>@c", "&hunter22;", ""):                                "not well-formed",
		envelope(alice, "\xff hunter22", ""):                                 "not well-formed",
		envelope(alice, "a</o:Password><o:Password>b", wanted("x", "")):      "two users",
		envelope(alice, strings.Repeat("a", maxPassword+1), wanted("x", "")): "too long",
		envelope(alice, "a", strings.Repeat(wanted("x", ""), maxTargets+1)):  "more than 16",
		deep: "nested",
		`<!DOCTYPE a [<!ENTITY x "y">]>` + envelope(alice, "&x;", ""):                     "document type",
		`<?xml version="1.0" encoding="utf-16"?>` + envelope(alice, "a", wanted("x", "")): "not well-formed",
		`<?xml version="1.0" encoding="EBCDIC"?>` + envelope(alice, "a", wanted("x", "")): "not well-formed",
	} {
		_, err := parseTokenRequest([]byte(body))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%.80q: %v, want %s", body, err, want)
		}
	}
}

func TestSOAPType(t *testing.T) {
	for asked, want := range map[string]string{
		"": "text/xml; charset=utf-8", "text/xml": "text/xml; charset=utf-8", "Text/XML; charset=utf-8": "text/xml; charset=utf-8",
		`application/soap+xml; action="x"`: "application/soap+xml; charset=utf-8", "application/xml": "application/xml; charset=utf-8",
		"text/plain": "", "application/x-www-form-urlencoded": "", "text/xml; charset": "", "/": "",
	} {
		if got, ok := soapType(asked); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", asked, got, ok)
		}
	}
}

// TestAnswerIsXML: whatever a client calls its targets, the answer parses and
// says the address again.
func TestAnswerIsXML(t *testing.T) {
	h := NewHandler(Options{}).(*handler)
	for _, address := range []string{"messenger.msn.com", legacyTarget, "<&>\"'", strings.Repeat("ä", maxEchoed), ""} {
		text := h.collection(tokenRequest{login{address: alice}, []target{{address, "MBI_SSL"}, {address, ""}}}, "TICKET")
		var got struct {
			Body struct {
				Collection struct {
					Response []struct {
						TokenType              string
						Address                string `xml:"AppliesTo>EndpointReference>Address"`
						RequestedSecurityToken struct{ BinarySecurityToken string }
					} `xml:"RequestSecurityTokenResponse"`
				} `xml:"RequestSecurityTokenResponseCollection"`
			}
		}
		if err := xml.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		all := got.Body.Collection.Response
		if len(all) != 2 || !strings.HasPrefix(address, all[0].Address) || len(all[0].Address) < min(len(address), maxEchoed-1) || !utf8.ValidString(all[0].Address) {
			t.Fatalf("%+v", all)
		}
		token := "t=TICKET&p="
		if address == legacyTarget {
			token = ""
		}
		if all[0].RequestedSecurityToken.BinarySecurityToken != token || all[1].RequestedSecurityToken.BinarySecurityToken != token {
			t.Errorf("%s: %+v", address, all)
		}
	}
}

// What is read is within its bounds whatever comes in; and what is written as the
// specification says comes back.
func FuzzParseTokenRequest(f *testing.F) {
	f.Add([]byte(envelope(alice, "hunter22", wanted("messenger.msn.com", "?id=507"))), "hunter22")
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY x "y">]>`+envelope(alice, "&x;", "")), "<&>")
	f.Add([]byte("<Envelope><Header><Security><UsernameToken><Username>a@b</Username>"), "]]>")
	f.Fuzz(func(t *testing.T, body []byte, password string) {
		if r, err := parseTokenRequest(body); err == nil {
			if n := len(r.targets); n < 1 || n > maxTargets || len(r.address) > maxAddress || len(r.passwords) < 1 || len(r.passwords) > 2 {
				t.Fatalf("%+v", r)
			}
		}
		var b strings.Builder
		if xml.EscapeText(&b, []byte(password)); strings.ContainsRune(b.String(), utf8.RuneError) || len(password) > maxPassword {
			return // holds what XML cannot
		}
		r, err := parseTokenRequest([]byte(envelope(alice, b.String(), wanted("x", ""))))
		if err != nil || r.passwords[0] != password {
			t.Fatalf("%q: %+v, %v", password, r, err)
		}
	})
}

func BenchmarkTokenRequest(b *testing.B) {
	body := []byte(envelope(alice, "hunter22", wanted(legacyTarget, "")+wanted("messenger.msn.com", "?id=507")))
	h := NewHandler(Options{}).(*handler)
	b.ReportAllocs()
	for b.Loop() {
		r, err := parseTokenRequest(body)
		if err != nil || len(h.collection(r, "TICKET")) == 0 {
			b.Fatal(fmt.Sprint(err))
		}
	}
}
