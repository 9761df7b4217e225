package simbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	msnp "wtvgate/msnp/client"
	wtvp "wtvgate/wtvp/client"
)

// maxAnswer bounds what is read of an answer of Passport; its bodies say nothing.
const maxAnswer = 64 << 10

// errPassword is Passport's no.
var errPassword = errors.New("the gateway does not take this address with this password")

// PC is a PC client, which has a password and no WebTV service.
type PC struct {
	Messenger string // host:port
	Account   string
	Password  string
	Passport  string // URL without a slash at the end; for MSNP8
	HTTP      *http.Client
}

// Connect implements Way.
func (p *PC) Connect(context.Context) (string, error) { return p.Messenger, nil }

// Line implements Way.
func (p *PC) Line() *wtvp.Box { return nil }

// Close implements Way.
func (p *PC) Close() {}

// Credential implements Way: Passport 1.4 for the challenge of MSNP8 (msnp.md 5),
// else MD5.
func (p *PC) Credential(ctx context.Context, challenge string) (string, error) {
	if !strings.HasPrefix(challenge, "ct=") { // what tells the kinds apart: msnp.md 17.1
		return msnp.Password(p.Password)(ctx, challenge)
	}
	nexus, err := p.get(ctx, p.Passport+"/rdr/pprdr.asp", "")
	if err != nil {
		return "", err
	}
	_, place, _ := strings.Cut(nexus.Header.Get("PassportURLs"), "DALogin=")
	place, _, _ = strings.Cut(place, ",")
	if place == "" {
		return "", fmt.Errorf("%s is no Passport server", p.Passport)
	}
	scheme, _, _ := strings.Cut(p.Passport, "://")
	login, err := p.get(ctx, scheme+"://"+place, "Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,sign-in="+
		url.QueryEscape(p.Account)+",pwd="+strings.ReplaceAll(url.QueryEscape(p.Password), "+", "%20")+","+challenge)
	if err != nil {
		return "", err
	}
	if login.StatusCode == http.StatusUnauthorized {
		return "", errPassword
	}
	_, ticket, _ := strings.Cut(login.Header.Get("Authentication-Info"), "from-PP='")
	ticket, _, ok := strings.Cut(ticket, "'")
	if !ok {
		return "", fmt.Errorf("the Passport server answered %s and no ticket", Clean(login.Status, maxName))
	}
	return ticket, nil
}

// get asks for a page and reads its head.
func (p *PC) get(ctx context.Context, at, authorization string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, fmt.Errorf("asking Passport: %w", err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	c := p.HTTP
	if c == nil {
		c = http.DefaultClient
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking Passport: %w", err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return resp, errors.Join(err, resp.Body.Close())
}
