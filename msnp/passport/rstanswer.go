package passport

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The namespaces of an answer. BitLBee looks for the prefixes S, wst and wsse
// themselves, so they are part of the wire format.
const (
	nsEnvelope = "http://schemas.xmlsoap.org/soap/envelope/"
	nsFault    = "http://schemas.microsoft.com/Passport/SoapServices/SOAPFault"
	nsWSSE     = "http://schemas.xmlsoap.org/ws/2003/06/secext"
	nsWST      = "http://schemas.xmlsoap.org/ws/2004/04/trust"
	nsWSP      = "http://schemas.xmlsoap.org/ws/2002/12/policy"
	nsWSA      = "http://schemas.xmlsoap.org/ws/2004/03/addressing"
	nsWSU      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsXMLEnc   = "http://www.w3.org/2001/04/xmlenc#"
	nsXMLSig   = "http://www.w3.org/2000/09/xmldsig#"
)

// Codes of the token service (msntv2.md).
const (
	stateSignedIn = "0x48803"
	stateNone     = "0x80048800"
	statusDone    = "0x0"
)

// soapFault is a refusal in the token service's words.
type soapFault struct{ status, code, text string }

var (
	faultWrong       = soapFault{"0x80048821", "wst:FailedAuthentication", "Authentication Failure"}
	faultUnavailable = soapFault{"0x80048820", "wst:RequestFailed", "Sign-in is not available now. Please try again."}
	faultMalformed   = soapFault{"0x80048820", "wst:InvalidRequest", "Invalid Request"}
)

const (
	// cipherBytes and secretBytes are the size of Passport's own token and of the
	// secret that went with it: a triple DES key.
	cipherBytes = 128
	secretBytes = 24
	// maxEchoed is how much of a target's address is said again.
	maxEchoed = 256
)

// fault answers with a SOAP fault. Passport put it beside the header, not into a
// body, and with status 200 when it understood the request; BitLBee 1.2.8 finds
// it only there.
func (h *handler) fault(w http.ResponseWriter, r *http.Request, status int, kind string, f soapFault) {
	body := `<?xml version="1.0" encoding="utf-8"?><S:Envelope xmlns:S="` + nsEnvelope + `" xmlns:wsse="` + nsWSSE + `" xmlns:wst="` + nsWST +
		`" xmlns:psf="` + nsFault + `"><S:Header>` + pp("", stateNone, f.status) + `</S:Header><S:Fault><faultcode>` + f.code +
		`</faultcode><faultstring>` + f.text + `</faultstring></S:Fault></S:Envelope>`
	answer{status: status, kind: kind, body: body}.write(w, r)
}

// pp is Passport's own header: who, and how it went.
func pp(puid, state, status string) string {
	if puid != "" {
		puid = "<psf:PUID>" + puid + "</psf:PUID>"
	}
	return `<psf:pp><psf:serverVersion>1</psf:serverVersion>` + puid + `<psf:authstate>` + state + `</psf:authstate><psf:reqstatus>` +
		status + `</psf:reqstatus></psf:pp>`
}

// puidOf is a stable number for an account, in 16 hex digits. It is no secret.
func puidOf(address string) string {
	sum := sha256.Sum256([]byte(address))
	return fmt.Sprintf("%016X", sum[:8])
}

// collection is the answer to a right password: a token for each target, in the
// order they were asked for. The gateway serves one target, Messenger, so one
// ticket stands in all of them.
func (h *handler) collection(req tokenRequest, ticket string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><S:Envelope xmlns:S="` + nsEnvelope + `"><S:Header xmlns:psf="` + nsFault + `">` +
		pp(puidOf(req.address), stateSignedIn, statusDone) + `</S:Header><S:Body xmlns:wst="` + nsWST + `" xmlns:wsse="` + nsWSSE +
		`" xmlns:wsu="` + nsWSU + `" xmlns:wsp="` + nsWSP + `" xmlns:wsa="` + nsWSA + `"><wst:RequestSecurityTokenResponseCollection>`)
	now := h.now().UTC()
	for i, t := range req.targets {
		h.response(&b, i, t, ticket, now)
	}
	b.WriteString(`</wst:RequestSecurityTokenResponseCollection></S:Body></S:Envelope>`)
	return b.String()
}

// response is the token for one target. Its Id tells the kind: clients look for
// PPToken and Compact.
func (h *handler) response(b *strings.Builder, i int, t target, ticket string, now time.Time) {
	kind, ref := "urn:passport:legacy", fmt.Sprintf("PPToken%d", i)
	switch {
	case t.address == legacyTarget:
		ref = fmt.Sprintf("BinaryDAToken%d", i)
	case strings.Contains(t.policy, "MBI"): // the policies of compact tokens: MBI, MBI_SSL, MBI_KEY
		kind, ref = "urn:passport:compact", fmt.Sprintf("Compact%d", i)
	}
	const stamp = "2006-01-02T15:04:05Z"
	b.WriteString(`<wst:RequestSecurityTokenResponse><wst:TokenType>` + kind + `</wst:TokenType><wsp:AppliesTo><wsa:EndpointReference><wsa:Address>` +
		escape(t.address) + `</wsa:Address></wsa:EndpointReference></wsp:AppliesTo><wst:LifeTime><wsu:Created>` + now.Format(stamp) +
		`</wsu:Created><wsu:Expires>` + now.Add(TicketLife).Format(stamp) + `</wsu:Expires></wst:LifeTime><wst:RequestedSecurityToken>`)
	if t.address == legacyTarget {
		b.WriteString(`<EncryptedData xmlns="` + nsXMLEnc + `" Id="` + ref + `" Type="` + nsXMLEnc + `Element"><EncryptionMethod Algorithm="` + nsXMLEnc +
			`tripledes-cbc"></EncryptionMethod><ds:KeyInfo xmlns:ds="` + nsXMLSig + `"><ds:KeyName>http://Passport.NET/STS</ds:KeyName></ds:KeyInfo><CipherData><CipherValue>` +
			h.noise(cipherBytes) + `</CipherValue></CipherData></EncryptedData>`)
	} else {
		b.WriteString(`<wsse:BinarySecurityToken Id="` + ref + `">t=` + ticket + `&amp;p=</wsse:BinarySecurityToken>`)
	}
	b.WriteString(`</wst:RequestedSecurityToken><wst:RequestedTokenReference><wsse:KeyIdentifier ValueType="urn:passport"></wsse:KeyIdentifier><wsse:Reference URI="#` +
		ref + `"></wsse:Reference></wst:RequestedTokenReference>`)
	if t.address == legacyTarget {
		b.WriteString(`<wst:RequestedProofToken><wst:BinarySecret>` + h.noise(secretBytes) + `</wst:BinarySecret></wst:RequestedProofToken>`)
	}
	b.WriteString(`</wst:RequestSecurityTokenResponse>`)
}

// noise stands where Passport put what only Passport could read. Nothing here
// asks for it back.
func (h *handler) noise(n int) string {
	b := make([]byte, n)
	h.random(b)
	return base64.StdEncoding.EncodeToString(b)
}

// escape makes text of a client fit for an element.
func escape(s string) string {
	if len(s) > maxEchoed {
		s = strings.ToValidUTF8(s[:maxEchoed], "")
	}
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a strings.Builder takes all
	return b.String()
}
