package passport

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// answerTimeout is how long an answer may take to write. The longest has some
	// 20 KB and fits the socket's buffer.
	answerTimeout = 10 * time.Second
	// lingerTime and lingerBytes are how long and how much a connection is read
	// after its answer: closing it while bytes wait would reset it, and the client
	// might lose the answer.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// field is a header with its name as clients look for it.
type field struct{ name, value string }

// answer is a whole response.
type answer struct {
	status int
	fields []field // sent in this order
	kind   string  // Content-Type; "": none
	body   string
}

// head is the status line and the headers. No Date: clients of the time do not
// look at it, and without it an answer depends on the question alone.
func (a answer) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	line := func(f field) { b.WriteString(f.name + ": " + f.value + "\r\n") }
	if a.kind != "" {
		line(field{"Content-Type", a.kind})
	}
	line(field{"Content-Length", strconv.Itoa(len(a.body))})
	for _, f := range a.fields {
		line(f)
	}
	line(field{"Connection", "close"})
	b.WriteString("\r\n")
	return b.String()
}

// write sends the answer and closes the connection. It takes the connection over,
// because net/http sorts headers and answers HTTP/1.0 in kind.
func (a answer) write(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // not on a connection of HTTP/1: some other server's
		a.writeTo(w)
		return
	}
	defer conn.Close()
	text := a.head()
	if r.Method != http.MethodHead {
		text += a.body
	}
	conn.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := io.WriteString(conn, text); err != nil {
		return // the asker is gone
	}
	linger(conn)
}

func (a answer) writeTo(w http.ResponseWriter) {
	all := w.Header()
	for _, f := range a.fields {
		all[f.name] = []string{f.value} // not Set, which would spell the name its way
	}
	if a.kind != "" {
		all["Content-Type"] = []string{a.kind}
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body) // a failed write is the asker's loss
}

// linger ends the sending side and reads on until the other one closes.
func linger(conn net.Conn) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	conn.SetReadDeadline(time.Now().Add(lingerTime))
	io.CopyN(io.Discard, conn, lingerBytes)
}
