package discordtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// obj is a JSON object.
type obj = map[string]any

// Kinds of channels (reference 8.1).
const (
	GuildText     = 0
	DirectMessage = 1
	GuildVoice    = 2
	Category      = 4
	GuildNews     = 5
	PublicThread  = 11
	PrivateThread = 12
	Forum         = 15
)

// Permission bits that this package keeps (Discord's documentation, Permissions).
const (
	AddReactions         = 1 << 6
	Administrator        = 1 << 3
	ManageChannels       = 1 << 4
	ViewChannel          = 1 << 10
	SendMessages         = 1 << 11
	ManageMessages       = 1 << 13
	EmbedLinks           = 1 << 14
	AttachFiles          = 1 << 15
	ReadHistory          = 1 << 16
	MentionEveryone      = 1 << 17
	ManageWebhooks       = 1 << 29
	ManageThreads        = 1 << 34
	CreatePrivateThreads = 1 << 36
	CreatePublicThreads  = 1 << 35
	SendInThreads        = 1 << 38

	// InvitePermissions are those of the invite link (reference 2.1); the bot has
	// them in every guild by a role of its own.
	InvitePermissions = 344134372416
	// EveryonePermissions are those of a new guild's @everyone role.
	EveryonePermissions = ViewChannel | SendMessages | EmbedLinks | AttachFiles | ReadHistory | AddReactions | CreatePublicThreads | SendInThreads
)

type user struct {
	id, username, global, discriminator string
	bot                                 bool
	status, text                        string // presence
	blocked, closed                     bool
	dm                                  *channel
}

type guild struct {
	id, name    string
	owner       string
	roles       []*role
	members     map[string]*member
	joined      []string // order of members
	channels    []*channel
	botIn       bool
	unavailable bool
	asked       time.Time // last op 8 for all of it
}

type role struct {
	id, name string
	perms    int64
}

type member struct {
	u     *user
	nick  string
	roles []string
	since time.Time
}

type channel struct {
	id, name, topic string
	kind            int
	g               *guild
	parent          *channel
	owner           string
	overwrites      []Overwrite
	messages        []*message // oldest first, deleted ones left out
	last            string     // last_message_id
	hooks           []*webhook
	recipient       *user // of a DM
	members         []string
	archived        bool
	locked          bool
	invitable       bool
	archive         int
	gone            bool
}

type webhook struct {
	id, token, name string
	avatar          any
	ch              *channel
	app             string
	owner           string
}

type reaction struct {
	name, id string
	animated bool
	users    []string
}

type message struct {
	id             string
	ch             *channel
	author         *user
	hook           *webhook
	hookName       string
	avatarURL      string
	content        string
	nonce          any
	kind, flags    int
	at             time.Time
	edited         time.Time
	replyTo        string
	forward        *message
	attachments    []file
	embeds, comps  []any
	stickers       []Sticker
	poll           obj
	mentions       []*user
	mentionRoles   []string
	everyone       bool
	pings          []string
	reactions      []*reaction
	extra          obj
	inter          *interaction
	app            string
	gone           bool
	suppressedPing bool
}

type file struct {
	Attachment
	id string
}

type nonceUse struct {
	id string
	at time.Time
}

func isThread(kind int) bool { return kind >= 10 && kind <= PrivateThread }

// newUser makes a user. mu is held, or nobody else knows s yet.
func (s *Server) newUser(name string, bot bool) *user {
	u := &user{id: s.newID(), username: name, discriminator: "0", bot: bot, status: "offline"}
	s.users[u.id] = u
	return u
}

func (s *Server) guild(id string) *guild {
	i := slices.IndexFunc(s.guilds, func(g *guild) bool { return g.id == id })
	if i < 0 {
		return nil
	}
	return s.guilds[i]
}

func (s *Server) newChannel(g *guild, name string, kind int) *channel {
	c := &channel{id: s.newID(), name: name, kind: kind, g: g, archive: 4320}
	s.channels[c.id] = c
	if g != nil {
		g.channels = append(g.channels, c)
	}
	return c
}

// dmWith is the DM of the bot and u, made if there is none.
func (s *Server) dmWith(u *user) *channel {
	if u.dm == nil {
		u.dm = s.newChannel(nil, "", DirectMessage)
		u.dm.recipient = u
	}
	return u.dm
}

// permissions of a member in a channel, or of the guild if c is nil, as
// Discord's documentation computes them.
func (g *guild) permissions(id string, c *channel) int64 {
	m := g.members[id]
	if m == nil {
		return 0
	}
	if g.owner == id {
		return 1<<53 - 1
	}
	var p int64
	for _, r := range g.roles {
		if r.id == g.id || slices.Contains(m.roles, r.id) {
			p |= r.perms
		}
	}
	if p&Administrator != 0 {
		return 1<<53 - 1
	}
	if c != nil && c.parent != nil && isThread(c.kind) {
		c = c.parent
	}
	if c != nil {
		p = c.overwritten(p, g, m)
	}
	return p
}

// overwritten lays the channel's overwrites over p: @everyone, roles, member.
func (c *channel) overwritten(p int64, g *guild, m *member) int64 {
	var allow, deny int64
	for _, o := range c.overwrites {
		if o.ID == g.id {
			p = p&^o.Deny | o.Allow
		} else if slices.Contains(m.roles, o.ID) {
			allow, deny = allow|o.Allow, deny|o.Deny
		}
	}
	p = p&^deny | allow
	for _, o := range c.overwrites {
		if o.Type == 1 && o.ID == m.u.id {
			p = p&^o.Deny | o.Allow
		}
	}
	return p
}

// sees tells whether a user can view the channel. A private thread is for its
// members and those who manage threads.
func (c *channel) sees(id string) bool {
	if c.g == nil {
		return c.recipient != nil // the bot or the recipient: nobody else holds its id
	}
	p := c.g.permissions(id, c)
	if p&ViewChannel == 0 {
		return false
	}
	return c.kind != PrivateThread || slices.Contains(c.members, id) || p&ManageThreads != 0
}

// botSees tells whether the bot gets events of the channel and may read it.
func (s *Server) botSees(c *channel) bool {
	if c.g == nil {
		return true
	}
	return c.g.botIn && !c.g.unavailable && c.sees(s.bot.id)
}

// compareIDs orders snowflakes as numbers (reference 4.3).
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// clone makes a deep copy of a JSON value, so that nobody holds a part of the
// world. What cannot be marshalled is nil.
func clone[T any](v T) T {
	var out T
	b, err := json.Marshal(v)
	if err == nil {
		_ = json.Unmarshal(b, &out) // it was marshalled just now
	}
	return out
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
