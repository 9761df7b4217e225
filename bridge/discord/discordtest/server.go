package discordtest

import (
	"context"
	"net/http"
	"time"
)

// API as it will stay; the bodies follow.

// Options of a Server. The zero value is a Discord with everything switched on.
type Options struct {
	Token         string           // of the bot, without "Bot "; default "T0"
	Now           func() time.Time // default time.Now
	Heartbeat     time.Duration    // interval told in HELLO; default 41.25 s
	Intents       int              // privileged intents that are switched on; default all three. NoPrivileged: none
	Limits        map[string]Limit // by route; default DefaultLimits
	Echo          EchoOrder        // when a bot's own message comes back
	Identifies    int              // session_start_limit.total; default 1,000
	MaxSessionAge time.Duration    // a RESUME of an older session gets 4009; default: never
}

type Limit struct {
	Requests int
	Per      time.Duration
}
type EchoOrder int
type Server struct{}
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

func Start(t TB, o Options) *Server                                 { panic("soon") } // New, Close at cleanup, Errorf per violation
func New(o Options) *Server                                         { panic("soon") }
func (s *Server) Close()                                            { panic("soon") }
func (s *Server) URL() string                                       { panic("soon") } // http://127.0.0.1:port/ (the api is below api/v9/)
func (s *Server) GatewayURL() string                                { panic("soon") } // ws://127.0.0.1:port/
func (s *Server) Token() string                                     { panic("soon") }
func (s *Server) RoundTripper() http.RoundTripper                   { panic("soon") } // swaps scheme and host of every request
func (s *Server) Until(ctx context.Context, cond func() bool) error { panic("soon") } // cond is called without the lock
func (s *Server) Bot() *Person                                      { panic("soon") }
func (s *Server) ApplicationID() string                             { panic("soon") } // = Bot().ID

// World.
func (s *Server) AddUser(username string) *Person { panic("soon") }
func (s *Server) AddBot(username string) *Person  { panic("soon") }
func (s *Server) AddGuild(name string) *Guild     { panic("soon") } // with the bot as a member; GUILD_CREATE if connected
type Guild struct{ ID, Name string }
type Role struct{ ID string }
type Channel struct{ ID, GuildID string }
type Overwrite struct {
	ID          string
	Type        int
	Allow, Deny int64
}

func (g *Guild) AddChannel(name string, ow ...Overwrite) *Channel               { panic("soon") }
func (g *Guild) AddChannelType(name string, kind int, ow ...Overwrite) *Channel { panic("soon") }
func (g *Guild) AddRole(name string, permissions int64) *Role                   { panic("soon") }
func (g *Guild) Everyone() *Role                                                { panic("soon") } // id = guild id
func (r *Role) SetPermissions(p int64)                                          { panic("soon") }
func (c *Channel) SetOverwrites(ow ...Overwrite)                                { panic("soon") } // CHANNEL_UPDATE
func (c *Channel) Rename(name string)                                           { panic("soon") }
func (c *Channel) Delete()                                                      { panic("soon") }
func (c *Channel) Webhooks() []Webhook                                          { panic("soon") }
func (c *Channel) DeleteWebhooks()                                              { panic("soon") } // by a moderator: WEBHOOKS_UPDATE
func (c *Channel) AddWebhook(name string) Webhook                               { panic("soon") } // a foreign one
func (c *Channel) Archive()                                                     { panic("soon") } // a thread
func (c *Channel) Members() []string                                            { panic("soon") } // ids of a thread's members
func (g *Guild) Rename(name string)                                             { panic("soon") }
func (g *Guild) KickBot()                                                       { panic("soon") } // GUILD_DELETE
func (g *Guild) AddBack()                                                       { panic("soon") } // GUILD_CREATE
func (g *Guild) Outage(off bool)                                                { panic("soon") } // GUILD_DELETE unavailable / GUILD_CREATE
func (g *Guild) Threads() []*Channel                                            { panic("soon") }
func (s *Server) Channel(id string) *Channel                                    { panic("soon") } // nil if there is none

// Acting.
type Person struct{ ID string }

func (p *Person) Join(g *Guild, roles ...*Role)                                   { panic("soon") }
func (p *Person) Leave(g *Guild)                                                  { panic("soon") }
func (p *Person) DM() *Channel                                                    { panic("soon") } // opened by the person if it was not open yet
func (p *Person) Say(c *Channel, text string) Message                             { panic("soon") }
func (p *Person) Post(c *Channel, m Post) Message                                 { panic("soon") }
func (p *Person) Reply(to, text string) Message                                   { panic("soon") } // with ping
func (p *Person) Edit(message, text string)                                       { panic("soon") }
func (p *Person) Delete(message string)                                           { panic("soon") }
func (p *Person) React(message, emoji string)                                     { panic("soon") } // "👍" or "name:id"
func (p *Person) Unreact(message, emoji string)                                   { panic("soon") }
func (p *Person) Type(c *Channel)                                                 { panic("soon") }
func (p *Person) Status(status string)                                            { panic("soon") } // online idle dnd offline
func (p *Person) StatusText(text string)                                          { panic("soon") } // custom status
func (p *Person) Rename(username string)                                          { panic("soon") }
func (p *Person) SetGlobalName(name string)                                       { panic("soon") }
func (p *Person) SetNick(g *Guild, nick string)                                   { panic("soon") }
func (p *Person) Block()                                                          { panic("soon") } // 50007 from now on
func (p *Person) Unblock()                                                        { panic("soon") }
func (p *Person) CloseDMs()                                                       { panic("soon") } // "no DMs from server members": 50007 unless the person opened the DM
func (p *Person) OpenDMs()                                                        { panic("soon") }
func (p *Person) Command(c *Channel, name string, options ...Option) *Interaction { panic("soon") }
func (p *Person) Press(message, customID string) *Interaction                     { panic("soon") }
func (s *Server) Unfurl(message string)                                           { panic("soon") } // MESSAGE_UPDATE with edited_timestamp null: a link preview
func (s *Server) BulkDelete(c *Channel, messages ...string)                       { panic("soon") }

type Option struct{}

func Arg(name string, value any) Option         { panic("soon") } // string, int, bool, *Person, *Channel
func Sub(name string, options ...Option) Option { panic("soon") }

type Post struct {
	Content            string
	ReplyTo            string
	NoPing             bool
	Forward            string
	Attachments        []Attachment
	Embeds, Components []map[string]any
	Stickers           []Sticker
	Poll               map[string]any
	Flags, Type        int
	Extra              map[string]any // laid over the message as it is sent: any shape
}
type Attachment struct {
	Filename, ContentType, Description string
	Data                               []byte
	Width, Height                      int
	Duration                           float64
}
type Sticker struct {
	ID, Name string
	Format   int
}
type Message struct {
	ID, ChannelID, GuildID, AuthorID, AuthorName  string // AuthorName: a webhook's own
	WebhookID, AvatarURL, Content, Nonce, ReplyTo string
	Type, Flags                                   int
	Edited                                        bool
	Attachments                                   []Attachment
	Components, Embeds                            []any
	Reactions                                     map[string][]string // emoji to user ids
	Pings                                         []string            // ids of who was notified; "everyone", "here"
}
type Interaction struct{ ID, Token string }
type Answer struct {
	Type    int
	Content string
	Flags   int
	Message Message
	Data    map[string]any
}

func (i *Interaction) Wait(ctx context.Context) (Answer, error) { panic("soon") } // the callback, with later edits of @original
func (i *Interaction) Followups() []Message                     { panic("soon") }

type Webhook struct{ ID, Token, Name, ChannelID, ApplicationID string }

// Looking.
func (s *Server) Sent(c *Channel) []Message         { panic("soon") } // by the bot and its webhooks, oldest first, deleted ones left out
func (s *Server) Messages(c *Channel) []Message     { panic("soon") } // all
func (s *Server) Message(id string) (Message, bool) { panic("soon") }

type Request struct {
	Method, Path, Route string
	Query               map[string][]string
	Header              http.Header
	Body                []byte
	JSON                map[string]any
	Status, Code        int
	At                  time.Time
}

func (s *Server) Requests(route string) []Request { panic("soon") } // "" all; Status 0 while unanswered, -1 dropped
func (s *Server) Violations() []string            { panic("soon") }
func (s *Server) TakeViolations() []string        { panic("soon") }
func (s *Server) Identifies() int                 { panic("soon") }
func (s *Server) Resumes() int                    { panic("soon") } // that succeeded
func (s *Server) Connections() int                { panic("soon") } // ever made
func (s *Server) Connected() int                  { panic("soon") } // sessions past READY or RESUMED now
func (s *Server) BotStatus() map[string]any       { panic("soon") } // last op 3
func (s *Server) Closes() []int                   { panic("soon") } // how clients left: their close codes, 1006 without one
func (s *Server) Commands() []map[string]any      { panic("soon") } // registered

// Misbehaving: REST.
type Fault struct {
	Times        int  // 0: once; negative: always
	Skip         int  // let so many pass first
	After        bool // do the thing, then spoil the answer
	Drop         bool // no answer: the connection is reset
	Status, Code int
	Message      string
	Body         string
	Header       http.Header          // instead of a JSON error
	Hold         <-chan struct{}      // wait for it first (after the effect, if After)
	Cut          bool                 // truncate the JSON of the true answer
	Rewrite      func(map[string]any) // change the true answer
}
type Armed struct{}

func (a *Armed) Hits() int                                { panic("soon") }
func (a *Armed) Disarm()                                  { panic("soon") }
func (s *Server) Fail(route string, f Fault) *Armed       { panic("soon") }
func Error(status, code int) Fault                        { panic("soon") }
func RateLimited(after time.Duration, scope string) Fault { panic("soon") } // user, shared, global (without Reset-After)
func EdgeBan(after time.Duration) Fault                   { panic("soon") } // 429 with HTML
func Reset() Fault                                        { panic("soon") } // connection lost before the effect
func Lost() Fault                                         { panic("soon") } // and after it
func Held(until <-chan struct{}) Fault                    { panic("soon") }
func Truncated() Fault                                    { panic("soon") }

// Misbehaving: gateway.
type Stage int

const (
	AtHello    Stage = iota // instead of HELLO
	AtIdentify              // instead of READY
	AtResume                // instead of the replay
)

type Trick struct {
	Op7, Op11, Silence, Drop bool
	Close                    int
	Op9                      *bool
	Frame                    any
	Times                    int
}

func (s *Server) Misbehave(at Stage, t Trick)                           { panic("soon") }
func (s *Server) Drop()                                                 { panic("soon") } // kill every socket, no close frame
func (s *Server) CloseWith(code int)                                    { panic("soon") }
func (s *Server) Op7()                                                  { panic("soon") }
func (s *Server) InvalidSession(resumable bool)                         { panic("soon") }
func (s *Server) ForgetSessions()                                       { panic("soon") }
func (s *Server) Mute(off bool)                                         { panic("soon") } // no ACKs and no events, socket stays
func (s *Server) InvalidateToken()                                      { panic("soon") } // 4004 and 401 from now on
func (s *Server) SetToken(token string)                                 { panic("soon") }
func (s *Server) SetIntents(privileged int)                             { panic("soon") }
func (s *Server) SetIdentifiesLeft(n int)                               { panic("soon") }
func (s *Server) RefuseOpens(code int)                                  { panic("soon") } // 40003 or 20026 for new recipients; 0 ends it
func (s *Server) LoseNext(event string, n int)                          { panic("soon") } // it has its number, but is not sent (a resume brings it)
func (s *Server) RepeatNext(event string, n int)                        { panic("soon") } // sent twice
func (s *Server) ReorderNext(event string)                              { panic("soon") } // it comes behind the one that follows
func (s *Server) RewriteNext(event string, change func(map[string]any)) { panic("soon") }
func (s *Server) Hold() (release func())                                { panic("soon") } // keep events back until release
func (s *Server) Dispatch(event string, d any)                          { panic("soon") }
func (s *Server) SendFrame(frame any)                                   { panic("soon") } // marshalled, or []byte as it is
