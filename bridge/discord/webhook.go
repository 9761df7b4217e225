package discord

import (
	"context"
	"errors"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
	"wtvgate/bridge/text"
)

// webhook.go: a box's voice in channels and threads: one webhook per channel, with
// the box's own name and picture (discord.md 3.4).

// hookName is what our webhooks are called in a channel's settings.
const hookName = "WebTV"

// avatars is how many plain pictures Discord has for everybody (discord.md 3.4).
const avatars = 6

// hook is a webhook of ours.
type hook struct{ id, token string }

// landings tells a send that waits for its echo that it has come.
type landings struct {
	mu sync.Mutex
	m  map[string]chan struct{}
}

// landed: the echo of a piece has come.
func (r *rest) landed(nonce string) {
	r.landings.mu.Lock()
	defer r.landings.mu.Unlock()
	if c := r.landings.m[nonce]; c != nil {
		close(c)
		delete(r.landings.m, nonce)
	}
}

// landing gives what is closed by the echo.
func (r *rest) landing(nonce string) (c <-chan struct{}, forget func()) {
	r.landings.mu.Lock()
	defer r.landings.mu.Unlock()
	if r.landings.m == nil {
		r.landings.m = make(map[string]chan struct{})
	}
	made := make(chan struct{})
	r.landings.m[nonce] = made
	return made, func() {
		r.landings.mu.Lock()
		defer r.landings.mu.Unlock()
		if r.landings.m[nonce] == made {
			delete(r.landings.m, nonce)
		}
	}
}

// avatarOf is an account's: one of the plain ones, which need no hosting and never
// expire.
func avatarOf(a id.Account) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(a)) // never fails
	return "https://cdn.discordapp.com/embed/avatars/" + strconv.Itoa(int(h.Sum32()%avatars)) + ".png"
}

// sendPublic writes into a channel that the account has as a contact.
func (n *Network) sendPublic(ctx context.Context, m bridge.Outbound, name string) (bridge.Receipt, error) {
	x, ok, err := n.memberNamed(ctx, m.From.Address, name)
	if err != nil {
		return bridge.Receipt{}, err
	}
	if !ok {
		if err := n.join(ctx, m.From.Address, name); err != nil {
			return bridge.Receipt{}, err
		}
		if x, ok, err = n.memberNamed(ctx, m.From.Address, name); err != nil || !ok {
			return bridge.Receipt{}, err
		}
	}
	if !n.mayRead(ctx, m.From.Address, x.channel) {
		if !n.readsContent() {
			return bridge.Receipt{}, bridge.Permanent(textContent, nil)
		}
		return bridge.Receipt{}, bridge.Permanent(textNoChannel, nil)
	}
	return n.sendHook(ctx, m, x.channel, nil)
}

// sendHook writes into a channel or thread by its webhook, or as the bot with the
// box's name where there cannot be one more. Room is the pair whose thread it is.
func (n *Network) sendHook(ctx context.Context, m bridge.Outbound, cid string, room *pair) (bridge.Receipt, error) {
	if !m.Retry && n.barred.is(cid, n.now()) { // an earlier try may be there: that one looks
		return bridge.Receipt{}, bridge.Permanent(textAccess, nil)
	}
	if done, err := n.correct(ctx, m, cid); done || err != nil {
		return bridge.Receipt{}, err
	}
	name := webhookName(m.From.Name)
	all, err := n.piecesOf(ctx, m.ID)
	if err == nil && len(all) == 0 {
		all, err = n.storePieces(ctx, m, cid, name, text.ToDiscord(m.Text))
	}
	if err != nil {
		return bridge.Receipt{}, err
	}
	r, err := n.sendPieces(ctx, all, m.Retry, func(ctx context.Context, x piece) (string, error) {
		return n.hookPiece(ctx, x, m.From, m.Retry)
	})
	switch code(err) {
	case codeUnknownChannel, codeUnknownGuild:
		if err2 := n.forgetChannel(ctx, cid); err2 != nil {
			return r, err2
		}
	case codeNoAccess, codeNoPermission:
		if n.barred.note(cid, n.now()) {
			n.log.Warn("a channel cannot be written to and is left alone for ten minutes: give the bot View Channel, Send Messages and Manage Webhooks there",
				"channel", cid, "err", err)
		}
	}
	if err != nil {
		return r, judge(err)
	}
	if room != nil {
		return r, n.touch(ctx, *room, true, n.now())
	}
	return r, nil
}

// hookPiece sends one piece by webhook. There is no nonce: after an answer that
// was lost the piece is looked for before it is sent again (discord.md 4.1).
func (n *Network) hookPiece(ctx context.Context, x piece, from bridge.Account, retry bool) (string, error) {
	if x.hook == "" { // an earlier try found that no webhook can
		return n.sendPiece(ctx, x, retry)
	}
	landed, forget := n.rest.landing(x.nonce)
	defer forget()
	if retry {
		if msg, err := n.lost(ctx, x); err != nil || msg != "" {
			return msg, err
		}
	}
	parent, thread, err := n.hookPlace(ctx, x.channel)
	if err != nil {
		return "", err
	}
	msg, err := n.byHook(ctx, parent, thread, x, from)
	if c := code(err); c == codeUnknownWebhook || c == codeWebhookToken { // deleted under us: once more with a new one
		if err := n.forgetHook(ctx, parent); err != nil {
			return "", err
		}
		msg, err = n.byHook(ctx, parent, thread, x, from)
	}
	if code(err) == codeTooManyWebhooks || thread != "" && refusedInThread(err) {
		return n.plainPiece(ctx, x, from)
	}
	if err == nil || certain(err) {
		return msg, err
	}
	return n.afterDoubt(ctx, x, landed, err)
}

// hookPlace is the channel whose webhook writes into one, and the thread if it is
// one.
func (n *Network) hookPlace(ctx context.Context, cid string) (parent, thread string, err error) {
	c, ok, err := n.channel(ctx, cid)
	if err == nil && ok && c.kind == kindThread {
		return c.parent, c.id, nil
	}
	return cid, "", err
}

// byHook posts by the channel's webhook, which is made if there is none.
func (n *Network) byHook(ctx context.Context, cid, thread string, x piece, from bridge.Account) (string, error) {
	h, err := n.hookOf(ctx, cid)
	if err != nil {
		return "", err
	}
	return n.executeHook(ctx, h, thread, x, from)
}

// certain tells whether a request surely had no effect.
func certain(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.certain
}

// afterDoubt looks whether a piece arrived although its answer was lost.
func (n *Network) afterDoubt(ctx context.Context, x piece, landed <-chan struct{}, cause error) (string, error) {
	t := time.NewTimer(n.pace.Echo)
	defer t.Stop()
	select {
	case <-landed:
	case <-t.C:
	case <-ctx.Done():
		return "", cause
	}
	msg, err := n.lost(ctx, x)
	if err != nil || msg != "" {
		return msg, err
	}
	return "", cause
}

// lost finds a piece that was sent, by its echo or in the history.
func (n *Network) lost(ctx context.Context, x piece) (string, error) {
	now, err := n.piecesWhere(ctx, `nonce = ?`, x.nonce)
	if err != nil || len(now) == 1 && now[0].sent != "" {
		return now[0].sent, err
	}
	me := n.me.Load()
	return n.find(ctx, x, func(h *head) bool {
		return h.WebhookID != "" && h.Author.Username == x.hook && h.Content == x.content &&
			(h.ApplicationID == "" || h.ApplicationID == me.application)
	})
}

// hookMessage is a message by webhook.
type hookMessage struct {
	Content  string   `json:"content"`
	Username string   `json:"username,omitempty"`
	Avatar   string   `json:"avatar_url,omitempty"`
	Mentions mentions `json:"allowed_mentions"`
}

// executeHook posts. A refused name or picture must not lose the message
// (lessons L11).
func (n *Network) executeHook(ctx context.Context, h hook, thread string, x piece, from bridge.Account) (string, error) {
	b := hookMessage{Content: x.content, Username: x.hook, Avatar: avatarOf(from.Address), Mentions: noMentions()}
	q := request{method: http.MethodPost, route: "/webhooks/{}/{}", args: []string{h.id, h.token},
		query: map[string][]string{"wait": {"true"}}, body: b}
	if thread != "" {
		q.query["thread_id"] = []string{thread}
	}
	var sent head
	err := n.rest.do(ctx, q, &sent)
	if code(err) == codeInvalidForm {
		n.log.Warn("Discord refuses a name or picture; sent without them", "account", from.Address, "err", err)
		b.Username, b.Avatar = "", ""
		b.Content = oneLine(strings.TrimSuffix(x.hook, hookSuffix)) + ": " + b.Content
		q.body = b
		err = n.rest.do(ctx, q, &sent)
	}
	return sent.ID, err
}

// refusedInThread tells whether a webhook may perhaps not write into a thread:
// whether it may into a private one is not documented (discord.md 12). The bot, who
// made the thread, may.
func refusedInThread(err error) bool {
	var e *apiError
	if !errors.As(err, &e) || e.code == codeAutoMod {
		return false
	}
	return e.status >= 400 && e.status < 500 && e.status != http.StatusUnauthorized && e.status != http.StatusTooManyRequests
}

// plainPiece writes as the bot, with the box's name before the text, also at every
// later try.
func (n *Network) plainPiece(ctx context.Context, x piece, from bridge.Account) (string, error) {
	x.hook = ""
	if c := text.ToDiscord(withName(text.Content{Body: ""}, from.Name)); len(c) == 1 {
		if words := c[0] + " " + x.content; len([]rune(words)) <= text.DiscordLimit {
			x.content = words
		}
	}
	if err := n.exec(ctx, "note that the bot writes", `UPDATE discord_out SET hook = '', content = ? WHERE nonce = ?`, x.content, x.nonce); err != nil {
		return "", err
	}
	return n.sendPiece(ctx, x, false)
}

// storedHook is the webhook that we know of a channel; false if there is none, or
// its token cannot be read any more.
func (n *Network) storedHook(ctx context.Context, cid string) (h hook, ok bool, err error) {
	var sealed []byte
	ok, err = n.row(ctx, "read a webhook", `SELECT id, token FROM discord_webhooks WHERE channel = ?`, []any{cid}, &h.id, &sealed)
	if err != nil || !ok {
		return h, false, err
	}
	token, err := n.o.Unseal(sealed, hookContext+cid)
	if err != nil {
		n.log.Warn("a webhook's token cannot be read; looking for the webhook again", "channel", cid, "err", err)
		return h, false, nil
	}
	h.token = string(token)
	return h, true, nil
}

// hookOf is a channel's webhook: the stored one, one of ours that is there, or a
// new one.
func (n *Network) hookOf(ctx context.Context, cid string) (hook, error) {
	if h, ok, err := n.storedHook(ctx, cid); err != nil || ok {
		return h, err
	}
	n.hooks.Lock() // one creation, whoever comes
	defer n.hooks.Unlock()
	h, ok, err := n.storedHook(ctx, cid)
	if err != nil || ok {
		return h, err
	}
	var there []struct {
		ID            string `json:"id"`
		Token         string `json:"token"`
		ApplicationID string `json:"application_id"`
	}
	if err := n.rest.do(ctx, request{method: http.MethodGet, route: "/channels/{}/webhooks", args: []string{cid}}, &there); err != nil {
		return h, err
	}
	me := n.me.Load()
	for _, w := range there {
		if w.ApplicationID == me.application && w.Token != "" {
			h = hook{w.ID, w.Token}
			return h, n.putHook(ctx, cid, h)
		}
	}
	var made struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	if err := n.rest.do(ctx, request{method: http.MethodPost, route: "/channels/{}/webhooks", args: []string{cid},
		body: map[string]string{"name": hookName}}, &made); err != nil {
		return h, err
	}
	h = hook{made.ID, made.Token}
	return h, n.putHook(ctx, cid, h)
}

// hookContext is what a sealed token is for.
const hookContext = "discord: webhook of "

func (n *Network) putHook(ctx context.Context, cid string, h hook) error {
	sealed, err := n.o.Seal([]byte(h.token), hookContext+cid)
	if err != nil {
		return err
	}
	return n.exec(ctx, "store a webhook", `INSERT INTO discord_webhooks (channel, id, token) VALUES (?, ?, ?)
		ON CONFLICT (channel) DO UPDATE SET id = excluded.id, token = excluded.token`, cid, h.id, sealed)
}

func (n *Network) forgetHook(ctx context.Context, cid string) error {
	return n.exec(ctx, "forget a webhook", `DELETE FROM discord_webhooks WHERE channel = ?`, cid)
}
