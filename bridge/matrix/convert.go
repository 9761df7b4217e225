package matrix

import (
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// convert.go: between Matrix's content types and the plain model. What a message
// says is text's business; here it is only taken apart and put together. Pure
// functions.

// incoming is a friend's message in the plain model; empty for nothing to show.
func incoming(m *event.MessageEventContent, sticker bool, r room) text.Content {
	if m.RelatesTo.GetReplaceID() == "" {
		return text.FromMatrix(message(m, sticker, r))
	}
	content := m.NewContent
	if content == nil {
		content = &event.MessageEventContent{MsgType: m.MsgType, Body: strings.TrimPrefix(m.Body, "* ")}
	}
	content.RelatesTo = nil
	out := message(content, false, r)
	out.Edit = true
	return text.FromMatrix(out)
}

// message takes a content apart.
func message(m *event.MessageEventContent, sticker bool, r room) text.MatrixMessage {
	out := text.MatrixMessage{
		Type: string(m.MsgType), Sticker: sticker, Body: m.Body, FileName: m.GetFileName(), Caption: m.GetCaption(),
		GeoURI: m.GeoURI, Answers: m.RelatesTo.GetReplyTo() != "", Name: r.speakerName(), Person: r.person,
		Voice: m.MSC3245Voice != nil,
	}
	if m.Format == event.FormatHTML {
		out.HTML = m.FormattedBody
	}
	if m.Info != nil {
		out.Size, out.Seconds, out.Mime = int64(m.Info.Size), m.Info.Duration/1000, m.Info.MimeType
	}
	out.Ref = reference(m)
	return out
}

// speakerName is who wrote the message at hand.
func (r room) speakerName() string {
	if r.people != nil {
		return r.speaker
	}
	return r.friendName()
}

// person names somebody: in a direct room the friend, or else the reader.
func (r room) person(user string) (name string, you bool) {
	if r.people != nil {
		return r.people[mid.UserID(user)], mid.UserID(user) == r.ghost
	}
	if mid.UserID(user) == r.friend {
		return r.friendName(), false
	}
	return "", true
}

// poll is a friend's question in the plain model.
func poll(m *event.PollStartEventContent, r room) text.Content {
	p := text.Poll{Question: m.PollStart.Question.Text, Several: m.PollStart.MaxSelections > 1}
	for _, a := range m.PollStart.Answers {
		p.Answers = append(p.Answers, a.Text)
	}
	return text.FromMatrix(text.MatrixMessage{Poll: &p, Name: r.speakerName()})
}

// outgoing is a message's content as we send it.
type outgoing struct {
	Type          event.MessageType `json:"msgtype"`
	Body          string            `json:"body"`
	Format        event.Format      `json:"format,omitempty"`
	FormattedBody string            `json:"formatted_body,omitempty"`
	Mentions      *event.Mentions   `json:"m.mentions,omitempty"`
	ID            id.Message        `json:"wtvgate.id,omitempty"` // keyMessage
}

// content is what a box wrote as a message. The name of somebody who is there after
// an @ is a real mention.
func content(m bridge.Outbound, r room) outgoing {
	t := text.WithMentions(m.Text, r.persons())
	out := outgoing{Type: event.MsgText, ID: m.ID}
	if m.Notice {
		out.Type = event.MsgNotice
	}
	if out.Body, out.FormattedBody = text.ToMatrix(t); out.FormattedBody != "" {
		out.Format = event.FormatHTML
	}
	for _, x := range t.Runs {
		user := mid.UserID(x.ID)
		if x.Kind != text.KindMention || !strings.HasPrefix(x.ID, "@") {
			continue
		}
		if out.Mentions == nil {
			out.Mentions = &event.Mentions{}
		}
		if !slices.Contains(out.Mentions.UserIDs, user) {
			out.Mentions.UserIDs = append(out.Mentions.UserIDs, user)
		}
	}
	return out
}

// persons are those whom the account can mention.
func (r room) persons() (all []text.Person) {
	if r.people == nil {
		return []text.Person{{ID: string(r.friend), Names: []string{r.name, r.friend.Localpart()}}}
	}
	for user, name := range r.people {
		if user != r.ghost {
			all = append(all, text.Person{ID: string(user), Names: []string{name, user.Localpart()}})
		}
	}
	slices.SortFunc(all, func(a, b text.Person) int { return strings.Compare(a.ID, b.ID) })
	return all
}
