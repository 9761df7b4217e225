package discordtest

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// Deadlines of an interaction (reference 3.8).
const (
	answerWithin = 3 * time.Second
	tokenLife    = 15 * time.Minute
	maxCommands  = 100

	maxInteractions = 100_000 // remembered; over it all are forgotten
)

type interaction struct {
	id, token string
	kind      int
	u         *user
	ch        *channel
	at        time.Time
	pressed   *message
	answered  int // type of the callback, 0: none
	data      obj
	original  *message
	later     bool // the original of a deferred answer was filled in
	followups []*message
}

// Interaction is a command or a press that the bot has to answer.
type Interaction struct {
	ID, Token string
	s         *Server
	i         *interaction
}

// Answer is how the bot answered.
type Answer struct {
	Type    int    // of the callback: 4 message, 5 later, 6 and 7 on the pressed message, 9 modal
	Content string // of Message
	Flags   int    // 64: only the person sees it
	Message Message
	Data    map[string]any // as sent
}

// Option is one option of a command.
type Option struct {
	name  string
	value any
	sub   []Option
	isSub bool
}

// Arg is an option with a value: string, int, float64, bool, *Person or *Channel.
func Arg(name string, value any) Option { return Option{name: name, value: value} }

// Sub is a subcommand with its options.
func Sub(name string, options ...Option) Option { return Option{name: name, sub: options, isSub: true} }

func (o Option) json(s *Server, resolved obj) obj {
	if o.isSub {
		return obj{"name": o.name, "type": 1, "options": optionsJSON(s, o.sub, resolved)}
	}
	kind, value := 3, o.value
	switch v := o.value.(type) {
	case int:
		kind = 4
	case bool:
		kind = 5
	case float64:
		kind = 10
	case *Person:
		kind, value = 6, v.ID
		resolve(resolved, "users", v.ID, s.users[v.ID].json())
	case *Channel:
		kind, value = 7, v.ID
		resolve(resolved, "channels", v.ID, s.channels[v.ID].json())
	}
	return obj{"name": o.name, "type": kind, "value": value}
}

func resolve(resolved obj, kind, id string, o obj) {
	all, _ := resolved[kind].(obj)
	if all == nil {
		all = obj{}
		resolved[kind] = all
	}
	all[id] = o
}

func optionsJSON(s *Server, options []Option, resolved obj) []any {
	out := []any{}
	for _, o := range options {
		out = append(out, o.json(s, resolved))
	}
	return out
}

// interact makes an interaction and tells the bot of it. mu is held.
func (s *Server) interact(kind int, u *user, ch *channel, pressed *message, data obj) *Interaction {
	i := &interaction{id: s.newID(), kind: kind, u: u, ch: ch, at: s.o.Now(), pressed: pressed}
	i.token = "interaction-" + signature(i.id, s.o.Token)
	if len(s.inter) >= maxInteractions {
		clear(s.inter)
		clear(s.tokens)
	}
	s.inter[i.id], s.tokens[i.token] = i, i
	d := obj{"id": i.id, "application_id": s.bot.id, "type": kind, "token": i.token, "data": data, "channel_id": ch.id, "channel": ch.json(), "version": 1,
		"locale": "en-US", "entitlements": []any{}, "authorizing_integration_owners": obj{}, "context": 1, "app_permissions": itoa(InvitePermissions)}
	if g := ch.g; g != nil {
		m := g.members[u.id]
		member := m.json(true)
		member["permissions"] = itoa(g.permissions(u.id, ch))
		d["member"], d["guild_id"], d["context"], d["guild_locale"] = member, g.id, 0, "en-US"
		d["authorizing_integration_owners"] = obj{"0": g.id}
		d["app_permissions"] = itoa(g.permissions(s.bot.id, ch))
	} else {
		d["user"] = u.json()
		d["authorizing_integration_owners"] = obj{"0": "0"}
	}
	if pressed != nil {
		d["message"] = pressed.json(s)
	}
	s.emit(event{t: "INTERACTION_CREATE", d: d})
	return &Interaction{ID: i.id, Token: i.token, s: s, i: i}
}

// callback is the first answer to an interaction.
func callback(c *call) (int, any, *failure) {
	s := c.s
	i := s.inter[c.param["interaction"]]
	if i == nil || i.token != c.param["token"] || i.answered == 0 && s.o.Now().Sub(i.at) > s.o.AnswerWithin {
		return 0, nil, unknown("interaction", 10062)
	}
	if i.answered != 0 {
		return 0, nil, &failure{400, 40060, "Interaction has already been acknowledged.", nil, true}
	}
	kind, _ := c.JSON["type"].(float64)
	data, _ := c.JSON["data"].(map[string]any)
	if !slices.Contains([]float64{4, 5, 6, 7, 8, 9}, kind) || i.pressed == nil && (kind == 6 || kind == 7) {
		return 0, nil, invalid("type", "BASE_TYPE_CHOICES", "not an answer to this")
	}
	if f := i.answer(c, int(kind), data); f != nil {
		return 0, nil, f
	}
	i.answered, i.data = int(kind), data
	s.notify()
	return http.StatusNoContent, nil, nil
}

// answer does what a callback asks for.
func (i *interaction) answer(c *call, kind int, data obj) *failure {
	switch kind {
	case 4:
		m, f := i.say(c, data)
		i.original = m
		return f
	case 5:
		flags, _ := data["flags"].(float64)
		i.original = &message{ch: i.ch, author: c.s.bot, kind: 20, flags: int(flags) | 128, inter: i, app: c.s.bot.id}
		c.s.put(i.original)
	case 6:
		i.original = i.pressed
	case 7:
		i.original = i.pressed
		d, f := c.message(data, c.Files)
		if f != nil {
			return f
		}
		return c.s.apply(c, i.pressed, d)
	}
	return nil
}

// say puts a message as the answer to an interaction.
func (i *interaction) say(c *call, data obj) (*message, *failure) {
	d, f := c.message(data, c.Files)
	switch {
	case f != nil:
		return nil, f
	case d.empty():
		return nil, &failure{400, 50006, "Cannot send an empty message", nil, true}
	case d.allowed == nil:
		c.s.violation("%s %s: no allowed_mentions", c.Method, redact(c.Path))
	}
	m := &message{ch: i.ch, author: c.s.bot, content: d.content, flags: d.flags, embeds: d.embeds, comps: d.comps, inter: i, app: c.s.bot.id, kind: 20}
	c.s.attach(m, d.files)
	c.s.ping(m, d.allowed, false)
	c.s.put(m)
	return m, nil
}

// live is the interaction of a call, as long as its token lives.
func (c *call) live() (*interaction, *failure) {
	i := c.s.tokens[c.param["token"]]
	switch {
	case i == nil || i.answered == 0:
		return nil, unknown("Webhook", 10015)
	case c.s.o.Now().Sub(i.at) > tokenLife:
		return nil, &failure{401, 50027, "Invalid Webhook Token", nil, false}
	}
	return i, nil
}

// followup is a further message of an interaction.
func followup(c *call) (int, any, *failure) {
	i, f := c.live()
	if f != nil {
		return 0, nil, f
	}
	m, f := i.say(c, c.JSON)
	if f != nil {
		return 0, nil, f
	}
	i.followups = append(i.followups, m)
	c.s.notify()
	return http.StatusOK, m.json(c.s), nil
}

// answered finds @original or a follow-up.
func (c *call) answered() (*message, *failure) {
	i, f := c.live()
	if f != nil {
		return nil, f
	}
	for _, m := range append([]*message{i.original}, i.followups...) {
		if m != nil && !m.gone && (m.id == c.param["message"] || c.param["message"] == "@original" && m == i.original) {
			return m, nil
		}
	}
	return nil, unknown("Message", 10008)
}

// settle marks a deferred answer as given.
func (s *Server) settle(m *message) {
	if m.inter != nil && m.inter.original == m {
		m.flags &^= 128
		m.inter.later = true
		s.notify()
	}
}

// Wait waits for the answer; for a deferred one (type 5) until it is filled in.
func (i *Interaction) Wait(ctx context.Context) (Answer, error) {
	var a Answer
	err := i.s.Until(ctx, func() bool {
		i.s.mu.Lock()
		defer i.s.mu.Unlock()
		in := i.i
		if in.answered == 0 || in.answered == 5 && !in.later {
			return false
		}
		a = Answer{Type: in.answered, Data: clone(in.data)}
		if m := in.original; m != nil {
			a.Message, a.Content, a.Flags = m.public(), m.content, m.flags
		}
		return true
	})
	return a, err
}

// Answered is the type of the callback so far, 0 for none.
func (i *Interaction) Answered() int {
	return i.s.count(func() int { return i.i.answered })
}

// Followups are the further messages of the bot.
func (i *Interaction) Followups() []Message {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	var all []Message
	for _, m := range i.i.followups {
		all = append(all, m.public())
	}
	return all
}

// commandName is Discord's rule for names of commands and options.
var commandName = regexp.MustCompile(`^[-_'\p{Ll}\p{Lo}\p{N}]{1,32}$`)

func getCommands(c *call) (int, any, *failure) {
	out := []any{}
	for _, o := range c.s.commands {
		out = append(out, o)
	}
	return http.StatusOK, out, nil
}

// putCommands replaces all commands. One that keeps its name keeps its id.
func putCommands(c *call) (int, any, *failure) {
	s := c.s
	switch {
	case c.param["application"] != s.bot.id:
		return 0, nil, &failure{403, 20012, "You are not authorized to perform this action on this application", nil, true}
	case c.array == nil || len(c.array) > maxCommands:
		return 0, nil, invalid("_root", "BASE_TYPE_LIST", "a list of at most 100 is needed")
	}
	var made []obj
	for _, v := range c.array {
		o, _ := v.(map[string]any)
		if f := checkCommand(o, true); f != nil {
			return 0, nil, f
		}
		o = maps.Clone(o)
		o["id"], o["application_id"], o["version"] = s.newID(), s.bot.id, s.newID()
		for _, old := range s.commands {
			if old["name"] == o["name"] {
				o["id"] = old["id"]
			}
		}
		made = append(made, o)
	}
	s.commands = made
	s.notify()
	return getCommands(c)
}

// checkCommand checks a command, or one of its options.
func checkCommand(o obj, top bool) *failure {
	name, _ := o["name"].(string)
	text, _ := o["description"].(string)
	if kind, ok := o["type"].(float64); top && ok && kind != 1 {
		return nil // of the context menus
	}
	if !commandName.MatchString(name) {
		return invalid("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
	}
	if n := utf8.RuneCountInString(text); n < 1 || n > 100 {
		return invalid("description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
	}
	options, _ := o["options"].([]any)
	if len(options) > 25 {
		return invalid("options", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
	}
	optional := false
	for _, v := range options {
		sub, _ := v.(map[string]any)
		if f := checkCommand(sub, false); f != nil {
			return f
		}
		required, _ := sub["required"].(bool)
		if required && optional {
			return invalid("options", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
		}
		optional = optional || !required
	}
	return nil
}
