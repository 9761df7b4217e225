package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// callTime bounds one call, so that two slow ones still leave time to say so.
	callTime = 8 * time.Second
	// maxAnswer bounds what is read of an answer: the guilds of a bot in 200 are
	// 60 KiB.
	maxAnswer = 1 << 20
)

// NewClient makes what the checks call with. It follows nobody elsewhere: tokens would go along.
func NewClient() *http.Client {
	return &http.Client{Timeout: callTime, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// reply is an answer over HTTP.
type reply struct {
	Status int
	Date   time.Time // the server's clock; zero if it did not say
	Body   []byte
}

// caller makes calls with one authorization, which no error repeats.
type caller struct {
	client    *http.Client
	authorize string
	agent     string
}

// call makes one call. into gets the JSON of an answer with status 200.
func (c caller) call(ctx context.Context, method, url string, body, into any) (reply, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return reply{}, fmt.Errorf("doctor: %w", err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return reply{}, cause(err)
	}
	if c.authorize != "" {
		req.Header.Set("Authorization", c.authorize)
	}
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return reply{}, cause(err)
	}
	defer resp.Body.Close()
	r := reply{Status: resp.StatusCode}
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.Date = t
	}
	if r.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return r, cause(err)
	}
	if r.Status == http.StatusOK && into != nil {
		if err := json.Unmarshal(r.Body, into); err != nil {
			return r, errors.New("its answer is not what such a server says: no JSON")
		}
	}
	return r, nil
}

// cause is the innermost error: the rest repeats the URL.
func cause(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// errcode is a Matrix server's name for a refusal.
func (r reply) errcode() string {
	var e struct {
		ErrCode string `json:"errcode"`
	}
	if json.Unmarshal(r.Body, &e) != nil {
		return ""
	}
	return e.ErrCode
}
