package matrix

import (
	"encoding/json"

	"maunium.net/go/mautrix/event"

	"wtvgate/bridge/text"
)

// poll.go: a friend's question to all. Clients send it under the type it had before
// it was in the specification; some send the one it has now, which the library does
// not know.

// eventPoll is that newer type (client-server API 1.7 on MSC3381).
var eventPoll = event.Type{Type: "m.poll.start", Class: event.MessageEventType}

// pollContent is the content of an m.poll.start.
type pollContent struct {
	Poll struct {
		Question pollText `json:"question"`
		Several  int      `json:"max_selections"`
		Answers  []struct {
			pollText
		} `json:"answers"`
	} `json:"m.poll"`
}

// pollText is text in the ways in which it may be written.
type pollText struct {
	Text []struct {
		Body string `json:"body"`
		Type string `json:"mimetype"`
	} `json:"m.text"`
}

// plain is the text without markup; "" if there is none.
func (t pollText) plain() string {
	for _, x := range t.Text {
		if x.Type == "" || x.Type == "text/plain" {
			return x.Body
		}
	}
	return ""
}

// newPoll reads a poll of the newer type in the plain model; empty for one that
// says nothing.
func newPoll(evt *event.Event, r room) text.Content {
	var c pollContent
	if json.Unmarshal(evt.Content.VeryRaw, &c) != nil || c.Poll.Question.plain() == "" {
		return text.Content{}
	}
	p := text.Poll{Question: c.Poll.Question.plain(), Several: c.Poll.Several > 1}
	for _, a := range c.Poll.Answers {
		p.Answers = append(p.Answers, a.plain())
	}
	return text.FromMatrix(text.MatrixMessage{Poll: &p, Name: r.speakerName()})
}
