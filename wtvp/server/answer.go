package server

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"wtvgate/wtvp/lzpf"
	"wtvgate/wtvp/wire"
)

// dispatch finds the service and has it answer. A panic of the handler is a 500 and leaves the connection in step.
func (c *conn) dispatch(ctx context.Context, req *Request) (resp *Response) {
	h := c.services[req.URL.Service]
	if h == nil {
		return Refuse(500, TextElsewhere, "no such service here")
	}
	ctx, cancel := context.WithTimeout(ctx, HandlerTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("wtvp: panic in a service", "service", req.URL.Service, "path", clipped(req.URL.Path), "err", p,
				"stack", string(debug.Stack()))
			resp = Refuse(500, TextTrouble, "panic in the service")
		}
	}()
	if resp = h.ServeWTVP(ctx, req); resp == nil {
		return Refuse(500, TextTrouble, "service gave no answer")
	}
	return resp
}

// answer writes a response and logs it if it is a refusal.
func (c *conn) answer(req *Request, resp *Response) error {
	refused := resp.Status >= 400 || resp.Reason != ""
	if refused {
		if c.refusals++; c.refusals >= maxRefusals {
			resp.Close = true
		}
	}
	b, err := c.encode(req.Session, resp)
	if err != nil {
		// A handler made a head that cannot be sent. The streams have not moved.
		closing := resp.Close
		resp, refused = Refuse(500, TextTrouble, err.Error()), true
		resp.Close = closing
		if b, err = c.encode(req.Session, resp); err != nil {
			return err
		}
	}
	if refused {
		c.log.Warn("wtvp: request refused", "service", clipped(req.URL.Service), "path", clipped(req.URL.Path),
			"ssid", req.Session.SSID, "status", resp.Status, "reason", resp.Reason)
	}
	c.srv.count(req.URL.Service, resp.Status)
	if err := c.write(b); err != nil {
		return err
	}
	if resp.Close {
		return errLinger
	}
	return nil
}

// refuse answers something that is no request for a service, logs it and ends the connection.
func (c *conn) refuse(status int, text, reason string, more ...wire.Field) error {
	resp := Refuse(status, text, reason)
	resp.Header = more
	resp.Close = true
	c.log.Warn("wtvp: request refused", "ssid", c.sess.SSID, "status", status, "reason", reason)
	c.srv.count("", status)
	b, err := c.encode(&Session{}, resp)
	if err != nil {
		return err
	}
	if err := c.write(b); err != nil {
		return err
	}
	return errLinger
}

// encode makes the bytes of an answer. Only its body is enciphered, and only if there is an error does the stream not move on.
func (c *conn) encode(sess *Session, resp *Response) ([]byte, error) {
	body := resp.Body
	head := wire.Response{
		Status: resp.Status, Text: resp.Text, ContentType: resp.ContentType,
		ContentLength: len(body), Header: make(wire.Header, 0, len(resp.Header)+3),
	}
	if resp.Close {
		head.Header.Add("Connection", "close")
	} else {
		head.Header.Add("Connection", "Keep-Alive")
	}
	if c.out != nil {
		head.Header.Add("wtv-encrypted", "true")
	}
	head.Header = append(head.Header, resp.Header...)
	if resp.Compress && resp.Status == 200 && wantsLZPF(sess) && len(body) >= minCompress {
		packed, err := lzpf.Encode(body)
		if err != nil {
			return nil, fmt.Errorf("server: compressing: %w", err)
		}
		// Content-length stays that of the body before compression (section 8.2).
		body = packed
		head.Header.Add("wtv-lzpf", "0")
	}
	b, err := head.AppendTo(make([]byte, 0, 256+len(body)))
	if err != nil {
		return nil, fmt.Errorf("server: answer of a service: %w", err)
	}
	n := len(b)
	b = append(b, body...)
	if c.out != nil {
		c.out.XORKeyStream(b[n:], b[n:])
	}
	return b, nil
}

func (c *conn) write(b []byte) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.srv.opts.WriteTimeout)); err != nil {
		return err
	}
	_, err := c.nc.Write(b)
	return err
}

const (
	// minCompress is the smallest body worth compressing; the public servers use the same (section 8.1).
	minCompress = 256
	// oldBuild is the build number from which boxes understand more than LZPF (section 8.1).
	oldBuild = 3500
	// capCompressed is the capability bit "can receive compressed data" (section 3.2).
	capCompressed = 1 << 3
)

// wantsLZPF tells whether the box is of the kind that gets LZPF from the public servers (section 8.1).
func wantsLZPF(s *Session) bool {
	caps := s.Capabilities
	if n := len(caps); n > 16 { // only the lowest bits matter here
		caps = caps[n-16:]
	}
	bits, err := strconv.ParseUint(caps, 16, 64)
	if err != nil || bits&capCompressed == 0 {
		return false
	}
	build, err := strconv.Atoi(s.SystemVersion)
	return s.ROMType == "bf0app" || err == nil && build < oldBuild
}

// clipped keeps a client's text in the log short.
func clipped(s string) string { return s[:min(len(s), maxIdentity)] }
