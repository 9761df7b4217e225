package wire

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// seeds are heads as boxes and public servers send them, one to a line in base64.
func seeds(f *testing.F, file string) {
	f.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	for line := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n") {
		head, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(head)
		n++
	}
	if n < 10 {
		f.Fatalf("%d seeds in %s", n, file)
	}
}

// FuzzRequest: the same bytes in one piece and one by one give the same requests; a request that was read can be written and
// read again; nothing is read after a fault.
func FuzzRequest(f *testing.F) {
	seeds(f, "requests.txt")
	f.Add([]byte("GET / HTTP/1.1\nHost: x\n\r\nPOST a:/ \r\nContent-length: 3\r\n\r\nabcdGET a:b\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err1 := readRequests(strings.NewReader(string(in)))
		single, err2 := readRequests(iotest.OneByteReader(strings.NewReader(string(in))))
		if !reflect.DeepEqual(whole, single) || !reflect.DeepEqual(err1, err2) {
			t.Fatalf("whole: %v, %v; by bytes: %v, %v", whole, err1, single, err2)
		}
		for _, req := range whole {
			b, err := req.AppendTo(nil)
			if err != nil {
				t.Fatalf("%+v cannot be written: %v", req, err)
			}
			back, err := NewReader(bufio.NewReader(strings.NewReader(string(b)))).ReadRequest()
			if len(b) > MaxHead { // CRLF for LF makes it longer
				continue
			}
			if err != nil && strings.Contains(err.Error(), "line of more") {
				continue
			}
			if req.HTTP {
				req.HTTP = false
				if back != nil && back.HTTP { // "GET a:/ HTTP/1.1 HTTP/1.1"
					continue
				}
			}
			if err != nil || !reflect.DeepEqual(req, back) {
				t.Fatalf("%+v read back as %+v, %v", req, back, err)
			}
		}
	})
}

func readRequests(src io.Reader) ([]*Request, error) {
	var reqs []*Request
	r := NewReader(bufio.NewReader(src))
	surplus := false
	for {
		if _, err := r.Await(surplus); err != nil {
			return reqs, err
		}
		req, err := r.ReadRequest()
		if err != nil {
			return reqs, err
		}
		reqs = append(reqs, req)
		if len(req.Header) > MaxHeaders {
			return reqs, errors.New("limit does not hold")
		}
		n, err := req.BodyLength()
		if err != nil {
			return reqs, err
		}
		if _, err := r.ReadBody(n); err != nil {
			return reqs, err
		}
		surplus = n > 0
	}
}

// FuzzResponse: the same for the head of a response.
func FuzzResponse(f *testing.F) {
	seeds(f, "responses.txt")
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err1 := NewReader(bufio.NewReader(strings.NewReader(string(in)))).ReadResponse()
		single, err2 := NewReader(bufio.NewReader(iotest.OneByteReader(strings.NewReader(string(in))))).ReadResponse()
		if !reflect.DeepEqual(whole, single) || !reflect.DeepEqual(err1, err2) {
			t.Fatalf("whole: %v, %v; by bytes: %v, %v", whole, err1, single, err2)
		}
		if err1 != nil {
			return
		}
		out := Response{Status: whole.Status, Text: whole.Text, ContentType: whole.ContentType, ContentLength: whole.ContentLength}
		for _, h := range whole.Header {
			if !strings.EqualFold(h.Name, "Content-type") && !strings.EqualFold(h.Name, "Content-length") {
				out.Header = append(out.Header, h)
			}
		}
		b, err := out.AppendTo(nil)
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", out, err)
		}
		back, err := NewReader(bufio.NewReader(strings.NewReader(string(b)))).ReadResponse()
		if len(b) > MaxHead || len(whole.Header) >= MaxHeaders-1 {
			return
		}
		if err != nil && strings.Contains(err.Error(), "line of more") {
			return
		}
		if err != nil || back.Status != whole.Status || back.ContentLength != whole.ContentLength ||
			len(back.Header) < len(out.Header) {
			t.Fatalf("%+v read back as %+v, %v", out, back, err)
		}
	})
}

func BenchmarkReadRequest(b *testing.B) {
	const head = "GET wtv-passport:/messengerlogin?1013928519.693957190\r\nReferer: wtv-head-waiter:/login-stage-two?\r\n" +
		"wtv-request-type: primary\r\nwtv-system-cpuspeed: 166187148\r\nwtv-system-sysconfig: 4163328\r\n" +
		"wtv-disk-size: 8006\r\nwtv-incarnation: 4\r\n\r\n"
	src := strings.NewReader(head)
	br := bufio.NewReader(src)
	r := NewReader(br)
	b.ReportAllocs()
	b.SetBytes(int64(len(head)))
	for b.Loop() {
		src.Reset(head)
		br.Reset(src)
		if _, err := r.ReadRequest(); err != nil {
			b.Fatal(err)
		}
	}
}
