package simbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wtvgate/msnp/wire"
)

// command is something that can be typed.
type command struct {
	name    string
	args    string // as help shows them
	help    string
	offline bool // works without a line to the gateway
	least   int  // arguments
	do      func(b *Box, ctx context.Context, args []string) error
}

// commands are all that there are, in the order of the help.
func commands() []command {
	return []command{
		{"/list", "", "everybody on your lists, with numbers: + online, ~ away, ! busy, - offline", true, 0, (*Box).cmdList},
		{"/add", "WHO", "add a friend, who may then write to you", false, 1, (*Box).cmdAdd},
		{"/remove", "WHO", "take a friend off", false, 1, (*Box).cmdRemove},
		{"/rename", "WHO NAME", "call somebody differently; your own address: your own name", false, 2, (*Box).cmdRename},
		{"/allow", "WHO", "let somebody write to you who is no friend", false, 1, (*Box).cmdAllow},
		{"/block", "WHO", "let nothing of somebody reach you", false, 1, (*Box).cmdBlock},
		{"/unblock", "WHO", "end that", false, 1, (*Box).cmdAllow},
		{"/open", "WHO", "open a conversation; then just type", false, 1, (*Box).cmdOpen},
		{"/invite", "WHO", "call somebody else into it", false, 1, (*Box).cmdInvite},
		{"/say", "TEXT", "write, even what begins with a slash", false, 1, nil},
		{"/typing", "", "let them see that you are typing", false, 0, (*Box).cmdTyping},
		{"/talks", "", "your conversations, with numbers", true, 0, (*Box).cmdTalks},
		{"/talk", "NUMBER", "what you type goes to that one", true, 1, (*Box).cmdTalk},
		{"/history", "", "what was said in it", true, 0, (*Box).cmdHistory},
		{"/hangup", "", "leave it", true, 0, (*Box).cmdHangUp},
		{"/online", "", "be online; also /away /busy /idle /brb /phone /lunch /hidden", false, 0, nil},
		{"/im", "on|off", "whether anybody can call you (IMS)", false, 1, (*Box).cmdIM},
		{"/page", "[URL]", "a page on the TV: wtv-messenger:/ if you say none", false, 0, (*Box).cmdPage},
		{"/go", "NUMBER", "follow a link of that page", false, 1, (*Box).cmdGo},
		{"/form", "NUMBER [FIELD=VALUE ...]", "send a form of that page", false, 1, (*Box).cmdForm},
		{"/trace", "on|off", "the lines of the protocols, without secrets", true, 1, (*Box).cmdTrace},
		{"/wait", "[WORDS]", "go on when something comes that has these words (for scripts)", true, 0, (*Box).cmdWait},
		{"/drop", "", "lose the line, as a box whose telephone is picked up", false, 0, (*Box).cmdDrop},
		{"/reconnect", "", "sign in again now", true, 0, (*Box).cmdReconnect},
		{"/help", "", "this", true, 0, (*Box).cmdHelp},
		{"/quit", "", "sign out and end; also Ctrl-D", true, 0, (*Box).cmdQuit},
	}
}

var errOffline = errors.New("not signed in; /reconnect signs in")

// command does what was typed.
func (b *Box) command(ctx context.Context, line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	if word != "/wait" {
		b.fresh = nil
	}
	if err := b.dispatch(ctx, line, word, rest); err != nil {
		b.tell("%s", Explain(err))
	}
}

func (b *Box) dispatch(ctx context.Context, line, word, rest string) error {
	limit, cancel := context.WithTimeout(ctx, b.o.Patience)
	defer cancel()
	if !strings.HasPrefix(word, "/") {
		word, rest = "/say", line
	}
	if status, ok := statusOf(strings.TrimPrefix(word, "/")); ok && b.ns != nil {
		return b.setStatus(limit, status)
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == word })
	if i < 0 {
		return fmt.Errorf("there is no %s; /help shows what there is", Clean(word, maxName))
	}
	c, args := all[i], strings.Fields(rest)
	switch {
	case len(args) < c.least:
		return fmt.Errorf("like this: %s %s", c.name, c.args)
	case !c.offline && b.ns == nil:
		return errOffline
	case c.name == "/say":
		return b.say(limit, b.current, rest)
	case c.name == "/wait", c.name == "/reconnect": // these have limits of their own
		return c.do(b, ctx, args)
	}
	return c.do(b, limit, args)
}

func (b *Box) setStatus(ctx context.Context, s wire.Status) error {
	if err := b.ns.SetStatus(ctx, s); err != nil {
		return err
	}
	b.status = s
	word := b.state(s)
	if s == wire.Hidden {
		word = "hidden: others see you offline"
	}
	b.tell("you are %s", word)
	return nil
}

func (b *Box) cmdList(context.Context, []string) error {
	b.list()
	return nil
}

// edited carries out a change of the lists and says how it went.
func (b *Box) edited(ctx context.Context, args []string, steps []edit, done string) error {
	address, err := b.whom(args[0])
	if err != nil {
		return err
	}
	if err := b.change(ctx, address, steps); err != nil {
		return err
	}
	b.tell(done, b.nameOf(address))
	return nil
}

func (b *Box) cmdAdd(ctx context.Context, args []string) error {
	if strings.EqualFold(args[0], b.o.Account) {
		return errors.New("that is you")
	}
	return b.edited(ctx, args, stepsAdd, "%s is on your list")
}

func (b *Box) cmdRemove(ctx context.Context, args []string) error {
	return b.edited(ctx, args, stepsRemove, "%s is off your list")
}

func (b *Box) cmdAllow(ctx context.Context, args []string) error {
	return b.edited(ctx, args, stepsAllow, "%s may write to you")
}

func (b *Box) cmdBlock(ctx context.Context, args []string) error {
	return b.edited(ctx, args, stepsBlock, "%s is blocked; /unblock ends that")
}

func (b *Box) cmdRename(ctx context.Context, args []string) error {
	address, err := b.whom(args[0])
	if err != nil {
		return err
	}
	ch, err := b.ns.Rename(ctx, address, strings.Join(args[1:], " "))
	if err != nil {
		return err
	}
	if c := b.contacts[address]; c != nil {
		c.name = ch.Name
	}
	b.tell("the name is %s now", person(ch.Name, address))
	return nil
}

func (b *Box) cmdOpen(ctx context.Context, args []string) error {
	address, err := b.whom(args[0])
	if err != nil {
		return err
	}
	return b.open(ctx, address)
}

func (b *Box) cmdInvite(ctx context.Context, args []string) error {
	address, err := b.whom(args[0])
	switch {
	case err != nil:
		return err
	case b.current == nil || b.current.board == nil:
		return errors.New("no conversation is open; /open WHO opens one")
	}
	board := b.current.board
	if _, err := board.Call(ctx, address); err != nil {
		return err
	}
	if !b.pump(ctx, b.o.Patience, func() bool { return inList(board.Inside(), address) }) {
		return errors.New("they do not answer")
	}
	for b.ready(ctx) {
	}
	return nil
}

func (b *Box) cmdTyping(ctx context.Context, _ []string) error {
	if b.current == nil || b.current.board == nil {
		return errors.New("no conversation is open; /open WHO opens one")
	}
	return b.current.board.Typing(ctx)
}

func (b *Box) cmdTalks(context.Context, []string) error {
	for _, t := range b.talks {
		mark, state := " ", ""
		if t == b.current {
			mark = ">"
		}
		if t.board == nil {
			state = " (closed; writing opens it again)"
		}
		b.o.Screen.Line(fmt.Sprintf("%s [%d] %s%s", mark, t.number, b.with(t), state))
	}
	if len(b.talks) == 0 {
		b.tell("no conversations; /open WHO opens one")
	}
	return nil
}

func (b *Box) cmdTalk(_ context.Context, args []string) error {
	for _, t := range b.talks {
		if fmt.Sprint(t.number) == strings.Trim(args[0], "[]") {
			b.current = t
			b.tell("what you type goes to [%d], %s", t.number, b.with(t))
			return nil
		}
	}
	return errors.New("there is no such conversation; /talks shows them")
}

func (b *Box) cmdHistory(context.Context, []string) error {
	if b.current == nil {
		return errors.New("no conversation is open; /talks shows them")
	}
	for _, line := range b.current.history {
		b.o.Screen.Line("  " + line)
	}
	return nil
}

func (b *Box) cmdHangUp(ctx context.Context, _ []string) error {
	t := b.current
	if t == nil {
		return errors.New("no conversation is open")
	}
	t.leave(ctx)
	b.forget(t)
	b.tell("hung up [%d]", t.number)
	return nil
}

func (b *Box) cmdIM(ctx context.Context, args []string) error {
	on, err := onOff(args[0])
	switch {
	case err != nil:
		return err
	case b.o.Firmware.PC:
		return errors.New("PC clients have no such switch; /hidden is what they use")
	}
	if err := b.ns.SetInvitations(ctx, on); err != nil {
		return err
	}
	b.closed = !on
	if on {
		b.tell("others can call you")
	} else {
		b.tell("nobody can call you until /im on")
	}
	return nil
}

func (b *Box) cmdTrace(_ context.Context, args []string) error {
	on, err := onOff(args[0])
	if err == nil {
		b.trace.on.Store(on)
		b.tell("trace is %s", args[0])
	}
	return err
}

func onOff(word string) (bool, error) {
	switch word {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, errors.New("say on or off")
}

// waiting is how long /wait waits: longer than it takes a friend at another
// server's end of a slow network, and shorter than a person's patience.
const waiting = 10 * time.Second

// cmdWait looks at what came since the last other command, and then waits. The line
// that it has found, another /wait does not find again.
func (b *Box) cmdWait(ctx context.Context, args []string) error {
	words := strings.Join(args, " ")
	found := func() bool {
		i := slices.IndexFunc(b.fresh, func(line string) bool { return strings.Contains(line, words) })
		if i >= 0 {
			b.fresh = slices.Delete(b.fresh, i, i+1)
		}
		return i >= 0
	}
	if !b.pump(ctx, waiting, found) && ctx.Err() == nil {
		return fmt.Errorf("nothing of that came within %v", waiting)
	}
	return nil
}

func (b *Box) cmdDrop(context.Context, []string) error {
	b.ns.Close()
	b.offline(nil)
	return nil
}

func (b *Box) cmdReconnect(ctx context.Context, _ []string) error {
	b.reconnect(ctx)
	return nil
}

func (b *Box) cmdHelp(context.Context, []string) error {
	for _, c := range commands() {
		b.o.Screen.Line(fmt.Sprintf("  %-34s %s", c.name+" "+c.args, c.help))
	}
	b.o.Screen.Line("  WHO is a number of /list, an address, or a friend's name. Anything else that you type is said in the conversation.")
	return nil
}

func (b *Box) cmdQuit(context.Context, []string) error {
	b.quit = true
	return nil
}
