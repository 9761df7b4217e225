package passport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

const (
	// maxBody bounds a token request: those of clients have 2 to 4 KB.
	maxBody = 32 << 10
	// maxDepth bounds how deep its elements are nested: those of clients reach 6.
	maxDepth = 16
	// maxTargets bounds what one request asks for: clients ask for 2 to 8.
	maxTargets = 16
)

// tokenRequest is a request for security tokens (WS-Trust over SOAP).
type tokenRequest struct {
	login
	targets []target
}

// target is a service that a token is wanted for.
type target struct {
	address string // messenger.msn.com
	policy  string // ?id=507
}

// legacyTarget is Passport itself: its token is a cipher that only Passport could
// read, with a secret for the client beside it (msntv2.md).
const legacyTarget = "http://Passport.NET/tb"

// tokens answers POST /RST.srf (msnp.md 25.17).
func (h *handler) tokens(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodPost) {
		return
	}
	kind, ok := soapType(r.Header.Get("Content-Type"))
	if !ok {
		answer{status: http.StatusUnsupportedMediaType, kind: "text/plain",
			body: "Ask with text/xml or application/soap+xml."}.write(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		h.fault(w, r, http.StatusRequestEntityTooLarge, kind, faultMalformed)
		return
	case err != nil:
		h.fault(w, r, http.StatusBadRequest, kind, faultMalformed)
		return
	}
	req, err := parseTokenRequest(body)
	if err != nil {
		h.log.Info("passport: token request refused", "remote", source(r).String(), "reason", err.Error())
		h.fault(w, r, http.StatusBadRequest, kind, faultMalformed)
		return
	}
	ticket, how := h.check(r, req.login)
	switch how {
	case granted:
		answer{status: http.StatusOK, kind: kind, body: h.collection(req, ticket)}.write(w, r)
	case unavailable:
		h.fault(w, r, http.StatusOK, kind, faultUnavailable)
	default:
		h.fault(w, r, http.StatusOK, kind, faultWrong)
	}
}

// soapType is the type to answer with: that of the question. BitLBee 1.2.8 sends
// none.
func soapType(asked string) (string, bool) {
	if asked == "" {
		return "text/xml; charset=utf-8", true
	}
	t, _, err := mime.ParseMediaType(asked)
	if err != nil || t != "text/xml" && t != "application/soap+xml" && t != "application/xml" {
		return "", false
	}
	return t + "; charset=utf-8", true
}

// Where things stand in a request, by local names: prefixes and the version of
// SOAP differ between clients.
const (
	pathUser     = "/Envelope/Header/Security/UsernameToken/Username"
	pathPassword = "/Envelope/Header/Security/UsernameToken/Password"
	pathToken    = "/RequestSecurityToken"
	pathAddress  = "/RequestSecurityToken/AppliesTo/EndpointReference/Address"
	pathPolicy   = "/RequestSecurityToken/PolicyReference"
)

// errMalformed is all that is told of a request that is no XML: what the parser
// says may quote it, with the password.
var errMalformed = errors.New("the request is not well-formed XML")

// parseTokenRequest reads the envelope. There is no document type, and so no
// entity but the five of XML: nothing expands.
func parseTokenRequest(body []byte) (tokenRequest, error) {
	p := tokenParser{}
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return p.finish()
		}
		if err != nil {
			return tokenRequest{}, errMalformed
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = p.open(t)
		case xml.EndElement:
			err = p.close(t)
		case xml.CharData:
			p.text(t)
		case xml.Directive:
			err = errors.New("the request has a document type")
		}
		if err != nil {
			return tokenRequest{}, err
		}
	}
}

// tokenParser is where the reading of an envelope stands.
type tokenParser struct {
	opened   []string // local names of the open elements
	done     bool     // the envelope is closed
	user     *string
	password *string
	targets  []target
}

func (p *tokenParser) path() string { return "/" + strings.Join(p.opened, "/") }

func (p *tokenParser) open(t xml.StartElement) error {
	if p.done {
		return errMalformed
	}
	if len(p.opened) == maxDepth {
		return fmt.Errorf("the request is nested more than %d deep", maxDepth)
	}
	p.opened = append(p.opened, t.Name.Local)
	path := p.path()
	switch {
	case path == pathUser && p.user == nil:
		p.user = new(string)
	case path == pathPassword && p.password == nil:
		p.password = new(string)
	case path == pathUser || path == pathPassword:
		return errors.New("two users in one request")
	case p.inBody(path, pathToken):
		if len(p.targets) == maxTargets {
			return fmt.Errorf("more than %d tokens wanted", maxTargets)
		}
		p.targets = append(p.targets, target{})
	case p.inBody(path, pathPolicy) && len(p.targets) > 0:
		for _, a := range t.Attr {
			if a.Name.Local == "URI" {
				p.targets[len(p.targets)-1].policy = a.Value
			}
		}
	}
	return nil
}

func (p *tokenParser) inBody(path, end string) bool {
	return strings.HasPrefix(path, "/Envelope/Body/") && strings.HasSuffix(path, end)
}

func (p *tokenParser) close(t xml.EndElement) error {
	last := len(p.opened) - 1
	if last < 0 || p.opened[last] != t.Name.Local {
		return errMalformed
	}
	p.opened = p.opened[:last]
	p.done = last == 0
	return nil
}

func (p *tokenParser) text(t xml.CharData) {
	path := p.path()
	switch {
	case path == pathUser:
		*p.user += string(t)
	case path == pathPassword:
		*p.password += string(t)
	case p.inBody(path, pathAddress) && len(p.targets) > 0:
		p.targets[len(p.targets)-1].address += string(t)
	}
}

func (p *tokenParser) finish() (tokenRequest, error) {
	switch {
	case !p.done:
		return tokenRequest{}, errMalformed
	case p.user == nil || p.password == nil:
		return tokenRequest{}, errors.New("no user name and password in the request")
	case len(p.targets) == 0:
		return tokenRequest{}, errors.New("no token wanted")
	}
	passwords := []string{*p.password}
	if trimmed := strings.TrimSpace(*p.password); trimmed != *p.password {
		passwords = append(passwords, trimmed) // a client that sets its XML in lines
	}
	for i, t := range p.targets {
		p.targets[i].address = strings.TrimSpace(t.address)
	}
	l, err := newLogin(*p.user, passwords)
	return tokenRequest{l, p.targets}, err
}
