package text

import (
	"fmt"
	"strconv"
	"strings"
)

// from_matrix.go: what a Matrix user wrote (matrix.md 11).

// MatrixMessage is the content of a Matrix message, as the network reads it.
type MatrixMessage struct {
	Type     string // msgtype: "m.text", "m.image"
	Sticker  bool   // an m.sticker event
	Body     string
	HTML     string // formatted_body, if its format is org.matrix.custom.html
	FileName string
	Caption  string
	Size     int64  // of the file, in bytes
	Seconds  int    // of sound
	Voice    bool   // sound that was spoken into the client
	Spoiler  bool   // a picture that is not to be shown unasked
	Ref      string // of the file: see Attachment
	Mime     string // of the file, as its sender says
	GeoURI   string
	Poll     *Poll
	Edit     bool   // the rest is what it says now
	Answers  bool   // it is a reply
	Name     string // the sender's, for what is told in the third person
	// Person gives the display name of a user id, and whether it is the reader's
	// own; "" if it is not known. It may be nil.
	Person func(userID string) (name string, you bool)
}

// FromMatrix is a Matrix message in the plain model; empty if there is nothing to
// show.
func FromMatrix(m MatrixMessage) Content {
	m.Body, m.HTML = cut(m.Body, MaxInput), cut(m.HTML, MaxInput)
	c := Content{Edited: m.Edit}
	if m.Answers {
		c.Reply = m.reply()
	}
	switch {
	case m.Poll != nil:
		c.Runs = m.Poll.runs()
	case m.Sticker:
		c.Runs = []Run{{Kind: KindFile, File: &Attachment{Kind: Sticker, Name: oneLine(clean(m.Body)), Ref: m.Ref, Type: cut(m.Mime, maxMime)}}}
	default:
		c.Runs = m.runs()
	}
	return finish(c)
}

// maxMime bounds the name of a file's type, in bytes; real ones have less than 80.
const maxMime = 100

// media names what is no text, by msgtype.
var media = map[string]string{"m.image": Picture, "m.video": Video, "m.audio": Sound, "m.file": File, "m.location": Place}

// runs are what the message says.
func (m *MatrixMessage) runs() []Run {
	switch m.Type {
	case "m.text", "m.notice":
		return m.words()
	case "m.emote":
		if w := m.words(); strings.TrimSpace(finish(Content{Runs: append([]Run{}, w...)}).Body) != "" {
			return append([]Run{{Text: "* " + oneLine(m.Name) + " "}}, w...)
		}
		return nil
	case "m.key.verification.request", "": // between machines; or redacted
		return nil
	}
	what, ok := media[m.Type]
	if !ok {
		if w := m.words(); strings.TrimSpace(clean(m.Body)) != "" { // what the sender's client means for us
			return w
		}
		return []Run{{Text: "[something that cannot be shown here]"}}
	}
	f := &Attachment{Kind: what, Name: oneLine(clean(m.FileName)), Size: m.Size, Seconds: m.Seconds, Spoiler: m.Spoiler}
	switch {
	case f.Kind == Picture, f.Kind == File && strings.HasPrefix(m.Mime, "image/"):
		f.Ref, f.Type = m.Ref, cut(m.Mime, maxMime)
	case m.Voice && m.Type == "m.audio":
		f.Kind, f.Name = Voice, ""
	case f.Kind == Place:
		f.Name, f.URL = place(m.FileName, m.GeoURI)
	}
	out := []Run{{Kind: KindFile, File: f}}
	if caption := strings.TrimSpace(clean(m.Caption)); caption != "" && f.Kind != Place {
		m.Body = caption
		out = append(append(out, Run{Text: " "}), m.words()...)
	}
	return out
}

// words are the text, from its HTML where it has some.
func (m *MatrixMessage) words() []Run {
	if m.HTML != "" {
		if runs := fromHTML(m.HTML, m.Person); len(runs) > 0 {
			return runs
		}
	}
	body := m.Body
	if m.Answers {
		_, _, body = plainFallback(body)
	}
	return []Run{{Text: strings.TrimSpace(clean(body))}}
}

// place is a location as its name and a map's address. Coordinates are shown in
// words only where there is no better name (RFC 5870: geo:LAT,LON[,ALT][;...]).
func place(name, geo string) (words, link string) {
	words = oneLine(clean(name))
	at, _, _ := strings.Cut(strings.TrimPrefix(geo, "geo:"), ";")
	part := strings.Split(cut(at, maxGeo), ",")
	if len(part) < 2 {
		return words, ""
	}
	lat, err1 := strconv.ParseFloat(part[0], 64)
	lon, err2 := strconv.ParseFloat(part[1], 64)
	if err1 != nil || err2 != nil || !(lat >= -90 && lat <= 90) || !(lon >= -180 && lon <= 180) {
		return words, ""
	}
	if words == "" || strings.Contains(words, "geo:") {
		words = fmt.Sprintf("%.4f, %.4f", lat, lon)
	}
	return words, ""
}

// maxGeo bounds a coordinate pair, in bytes.
const maxGeo = 100

// plainFallback takes the quotation that old clients put before a reply off the
// body: who wrote it, what, and the reply (matrix.md 11).
func plainFallback(body string) (user, original, rest string) {
	if !strings.HasPrefix(body, "> <") && !strings.HasPrefix(body, "> * <") {
		return "", "", body
	}
	var lines []string
	rest = body
	for strings.HasPrefix(rest, "> ") || strings.HasPrefix(rest, ">\n") {
		line, after, more := strings.Cut(rest, "\n")
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "))
		if rest = after; !more {
			rest = ""
		}
	}
	rest = strings.TrimPrefix(rest, "\n")
	head := strings.TrimPrefix(lines[0], "* ")
	user, lines[0], _ = strings.Cut(strings.TrimPrefix(head, "<"), "> ")
	return user, strings.Join(lines, "\n"), rest
}

// reply says what the message answers, if it says so itself: newer clients name
// only the event.
func (m *MatrixMessage) reply() *Reply {
	user, original, _ := plainFallback(m.Body)
	if user == "" {
		return nil
	}
	name, you := "", false
	if m.Person != nil {
		name, you = m.Person(user)
	}
	if name == "" {
		name, _, _ = strings.Cut(strings.TrimPrefix(user, "@"), ":")
	}
	return NewReply(name, you, Content{Body: clean(original)})
}
