package wire

import (
	"strings"
)

// Request is the head of a request. URL is raw, as it stood in the line: nothing is decoded, because the part after the first
// "?" of a messengerlogin is the text of a challenge (section 10.1).
type Request struct {
	Method string
	URL    string
	// HTTP tells that the line ended in " HTTP/1.x", as a web browser's does; the URL is without it.
	HTTP   bool
	Header Header
}

// BodyLength returns how many bytes of body follow the head: Content-length for POST and PUT, else 0. A length that is no
// number or over MaxBody is an *Error.
func (r *Request) BodyLength() (int, error) {
	if r.Method != MethodPost && r.Method != MethodPut {
		return 0, nil
	}
	return r.Header.contentLength()
}

// AppendTo appends the head as a box sends it, CRLF line ends, to dst. It refuses what could not be read back: a method or
// URL with a line end, header injection.
func (r *Request) AppendTo(dst []byte) ([]byte, error) {
	if strings.ContainsAny(r.URL, "\r\n\x00") {
		return nil, badRequest("URL holds a line end or NUL")
	}
	switch r.Method {
	case MethodSecureOn:
		if r.URL != "" {
			return nil, badRequest("SECURE ON with a URL")
		}
		dst = append(dst, MethodSecureOn...)
	case MethodGet, MethodPost, MethodPut:
		dst = append(append(append(dst, r.Method...), ' '), r.URL...)
	default:
		return nil, badRequest("unknown method")
	}
	dst = append(dst, "\r\n"...)
	for _, f := range r.Header {
		if err := checkField(f); err != nil {
			return nil, err
		}
		dst = append(append(append(append(dst, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	return append(dst, "\r\n"...), nil
}

func parseRequestLine(line string) (*Request, error) {
	line = strings.TrimRight(line, " \t")
	if line == MethodSecureOn {
		return &Request{Method: MethodSecureOn}, nil
	}
	method, url, _ := strings.Cut(line, " ")
	switch method {
	case MethodGet, MethodPost, MethodPut:
	default:
		return nil, badRequest("unknown method")
	}
	req := &Request{Method: method}
	req.URL, req.HTTP = cutVersion(strings.Trim(url, " \t"))
	if req.URL == "" {
		return nil, badRequest("request line without a URL")
	}
	return req, nil
}

// cutVersion drops a trailing " HTTP/1.x".
func cutVersion(url string) (string, bool) {
	const version = " HTTP/1."
	n := len(url) - len(version) - 1
	if n < 0 || url[n:n+len(version)] != version || url[len(url)-1] < '0' || url[len(url)-1] > '9' {
		return url, false
	}
	return strings.TrimRight(url[:n], " \t"), true
}

// URL is a WTVP URL taken apart: "service:/path?query". Nothing is decoded.
type URL struct {
	Service string // in lower case, for instance "wtv-passport"
	Path    string // begins with a slash, also where the URL had none ("wtv-home:home")
	Query   string // all after the first "?"
	// HasQuery tells "path?" from "path".
	HasQuery bool
}

// ParseURL takes a raw URL apart. A URL without a service, as a web browser sends it ("/"), is an *Error.
func ParseURL(raw string) (URL, error) {
	i := strings.IndexAny(raw, ":/?")
	if i <= 0 || raw[i] != ':' || !validService(raw[:i]) {
		return URL{}, badRequest("URL without a service name")
	}
	u := URL{Service: strings.ToLower(raw[:i])}
	u.Path, u.Query, u.HasQuery = strings.Cut(raw[i+1:], "?")
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	return u, nil
}

func validService(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '*' {
			return false
		}
	}
	return s != ""
}
