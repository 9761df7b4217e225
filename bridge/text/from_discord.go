package text

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// from_discord.go: the parts of a Discord message, in the order in which they are
// shown (discord.md 7.1).

// Types and flags of messages that matter here (discord.md 4.2, 7.5).
const (
	discordPlain     = 0
	discordThread    = 18
	discordReply     = 19
	discordPollEnd   = 46
	flagEphemeral    = 64
	flagVoice        = 1 << 13
	forwardReference = 1
)

// maxParts is how many attachments, embeds, fields or components of one kind are
// shown; Discord itself allows 10 to 40.
const maxParts = 40

// UnmarshalJSON reads a message and tells an answered message that is gone from
// one that was not sent along.
func (m *DiscordMessage) UnmarshalJSON(data []byte) error {
	type message DiscordMessage
	if err := json.Unmarshal(data, (*message)(m)); err != nil {
		return err
	}
	var has map[string]json.RawMessage
	if err := json.Unmarshal(data, &has); err != nil {
		return err
	}
	raw, ok := has["referenced_message"]
	m.Deleted = ok && string(raw) == "null"
	return nil
}

// ours tells whether we wrote a message ourselves, by ids and never by names
// (discord.md 4.2).
func (x *DiscordContext) ours(m *DiscordMessage) bool {
	return m.Author.ID != "" && m.Author.ID == x.Bot.ID ||
		m.WebhookID != "" && slices.Contains(x.Webhooks, m.WebhookID) ||
		m.ApplicationID != "" && m.ApplicationID == x.ApplicationID
}

// FromDiscord is a Discord message in the plain model; empty if it is not to be
// shown.
func FromDiscord(m DiscordMessage, x DiscordContext) Content {
	if x.ours(&m) || m.Flags&flagEphemeral != 0 || (m.Author.Bot || m.WebhookID != "") && !x.RelayBots {
		return Content{}
	}
	switch m.Type {
	case discordPlain, discordReply, 20, 23:
	case discordThread:
		if m.Content == "" {
			return Content{}
		}
		return finish(Content{Runs: []Run{{Text: "(" + x.author(&m) + " started a thread: \"" + limited(m.Content, maxFileName) + "\")"}}})
	case discordPollEnd:
		return finish(Content{Runs: pollEnd(m.Embeds)})
	default:
		if m.Type < discordPollEnd && m.Type != discordPlain || strings.TrimSpace(m.Content) == "" {
			return Content{}
		}
	}
	c := Content{Runs: x.parts(&m)}
	if m.Type == discordReply {
		c.Reply = x.reply(&m)
	}
	if len(c.Runs) == 0 && len(m.Snapshots) > 0 && m.Reference != nil && m.Reference.Type == forwardReference {
		c.Runs, c.Forwarded = x.parts(&m.Snapshots[0].Message), true
	}
	return finish(c)
}

// DiscordEdited is what a changed message says. Previous is what it said before,
// as a Content's body, and shown whether the reader has read that. It is empty if
// nothing is to be said: a preview was added, or looks changed.
func DiscordEdited(m DiscordMessage, previous string, shown bool, x DiscordContext) Content {
	if m.EditedAt == nil {
		return Content{}
	}
	c := FromDiscord(m, x)
	if c.Empty() || c.Body == previous {
		return Content{}
	}
	if !shown {
		return c
	}
	c.Edited = true
	if c.Runs == nil {
		c.Runs = []Run{{Text: c.Body}}
	}
	return finish(c)
}

// DiscordReacted is the line for a reaction to a message; only those to the
// reader's own messages are told.
func DiscordReacted(userID, messageID string, e DiscordEmoji, x DiscordContext) Content {
	own, ok := x.Own[messageID]
	if !ok || own.Account != x.Account || userID == x.Bot.ID {
		return Content{}
	}
	name := x.Users[userID]
	if name == "" {
		name = unknownUser
	}
	if e.ID != "" {
		return Reacted(name, ":"+e.Name+":", own.Text)
	}
	return Reacted(name, e.Name, own.Text)
}

// unknownUser is somebody whose name nobody told us.
const unknownUser = "unknown user"

// author is the name of who wrote a message.
func (x *DiscordContext) author(m *DiscordMessage) string {
	u := m.Author
	if u.Member == nil {
		u.Member = m.Member
	}
	if n := oneLine(u.name()); n != "" {
		return n
	}
	if n := x.Users[u.ID]; n != "" {
		return n
	}
	return unknownUser
}

// reply is what the message answers.
func (x *DiscordContext) reply(m *DiscordMessage) *Reply {
	if m.Reference != nil {
		if own, ok := x.Own[m.Reference.MessageID]; ok { // its text without what we put before it
			return NewReply(own.Account, own.Account == x.Account, Content{Body: own.Text})
		}
	}
	switch {
	case m.Deleted:
		return &Reply{Deleted: true}
	case m.Referenced == nil:
		return nil
	}
	old := m.Referenced
	return NewReply(x.author(old), false, finish(Content{Runs: x.parts(old)}))
}

// parts are a message's own parts, one per line.
func (x *DiscordContext) parts(m *DiscordMessage) []Run {
	var out []Run
	add := func(runs ...Run) {
		if len(runs) > 0 && len(out) < maxRuns {
			if len(out) > 0 {
				out = append(out, Run{Text: "\n"})
			}
			out = append(out, runs...)
		}
	}
	add(x.markdown(m.Content, m.Mentions)...)
	for _, s := range m.Stickers[:min(len(m.Stickers), maxParts)] {
		add(Run{Kind: KindFile, File: &Attachment{Kind: Sticker, Name: s.Name}})
	}
	for _, a := range m.Attachments[:min(len(m.Attachments), maxParts)] {
		add(Run{Kind: KindFile, File: a.attachment(m.Flags)})
	}
	if p := m.Poll; p != nil {
		add(p.runs()...)
	}
	for i := range m.Embeds[:min(len(m.Embeds), maxParts)] {
		if e := &m.Embeds[i]; e.Type == "rich" { // the others are previews of links in the text
			x.embed(e, add)
		}
	}
	budget := maxParts
	x.components(m.Components, m.Mentions, &budget, add)
	return out
}

// attachment is a file of Discord's.
func (a *DiscordAttachment) attachment(flags int) *Attachment {
	f := &Attachment{Kind: File, Name: a.Filename, URL: a.URL, Size: a.Size, Type: cut(a.ContentType, maxMime), Seconds: int(min(max(a.Seconds, 0), 1e6))}
	kind, _, _ := strings.Cut(a.ContentType, "/")
	switch kind {
	case "image":
		f.Kind = Picture
	case "video":
		f.Kind = Video
	case "audio":
		f.Kind = Sound
	}
	if flags&flagVoice != 0 && f.Kind == Sound {
		f.Kind, f.Name = Voice, ""
	}
	f.Name, f.Spoiler = strings.CutPrefix(f.Name, "SPOILER_")
	if a.Description != "" {
		f.Name = a.Description
	}
	return f
}

// runs are a poll as lines.
func (p *DiscordPoll) runs() []Run {
	q := Poll{Question: p.Question.Text, Several: p.Several}
	for _, a := range p.Answers {
		answer := a.Media.Text
		if e := a.Media.Emoji; e.ID != "" {
			answer = ":" + e.Name + ": " + answer
		} else if e.Name != "" {
			answer = e.Name + " " + answer
		}
		q.Answers = append(q.Answers, answer)
	}
	return q.runs()
}

// pollEnd is how a poll ended, which comes as an embed's fields.
func pollEnd(embeds []DiscordEmbed) []Run {
	for _, e := range embeds {
		if e.Type != "poll_result" {
			continue
		}
		field := make(map[string]string)
		for _, f := range e.Fields[:min(len(e.Fields), maxParts)] {
			field[f.Name] = limited(f.Value, maxFileName)
		}
		votes, _ := strconv.Atoi(field["victor_answer_votes"])
		total, _ := strconv.Atoi(field["total_votes"])
		end := fmt.Sprintf("no winner, %d votes", total)
		if winner := field["victor_answer_text"]; winner != "" {
			end = fmt.Sprintf("%s won with %d of %d votes", winner, votes, total)
		}
		return []Run{{Text: "Poll ended: \"" + field["poll_question_text"] + "\" - " + end}}
	}
	return nil
}

// embed is a bot's box, without its footer and colours.
func (x *DiscordContext) embed(e *DiscordEmbed, add func(...Run)) {
	add(x.markdown(e.Author.Name, nil)...)
	title := x.markdown(e.Title, nil)
	if e.URL != "" && len(title) > 0 {
		words := finish(Content{Runs: title}).Body
		title = []Run{{Kind: KindLink, Text: words, URL: e.URL}}
	}
	add(title...)
	add(x.markdown(e.Description, nil)...)
	for _, f := range e.Fields[:min(len(e.Fields), maxParts)] {
		if f.Name != "" || f.Value != "" {
			add(append(append(x.markdown(f.Name, nil), Run{Text: ": "}), x.markdown(f.Value, nil)...)...)
		}
	}
	if e.Image.URL != "" {
		add(Run{Kind: KindFile, File: &Attachment{Kind: Picture, URL: e.Image.URL}})
	}
}
