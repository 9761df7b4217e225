// Package discordtest is a Discord in one process, for tests: REST, gateway and
// the people on the other side, on one port of 127.0.0.1. It is written after
// section 8 of the Discord reference, for github.com/bwmarrin/discordgo v0.29.0,
// which speaks API v9; /api/v10 and /api are answered alike. Nothing of the
// product imports it: only _test.go files and the e2e module.
//
// A world is built, then people act in it:
//
//	d := discordtest.Start(t, discordtest.Options{}) // closed, and checked for violations, at the end of t
//	bob := d.AddUser("coolcat")
//	g := d.AddGuild("WebTV Fans") // the bot is in it, with the permissions of the invite link
//	general := g.AddChannel("general")
//	bob.Join(g)
//	m := bob.Say(general, "hi")       // MESSAGE_CREATE to the bot
//	bob.Edit(m.ID, "hi!")             // MESSAGE_UPDATE
//	bob.Say(bob.DM(), "alice: hello") // a DM with the bot
//	in := bob.Command(general, "webtv", discordtest.Sub("add", discordtest.Arg("name", "alice")))
//	answer, err := in.Wait(ctx)
//	bob.Press(answer.Message.ID, "custom-id-of-the-button")
//
// A client is pointed at it by a RoundTripper that swaps scheme and host
// (Server.RoundTripper) or by its api_url (Server.URL); the address of the
// websocket comes from GET /gateway, as at Discord.
//
// # Waiting
//
// Until waits for a condition and looks again after everything that happens:
// a request, a connection, an event written. Nothing needs a sleep.
//
//	err := d.Until(ctx, func() bool { return len(d.Sent(bob.DM())) == 1 })
//
// # Misbehaving
//
// Fail arms a fault for the next requests of a route, named as in the table of
// the reference: "POST /channels/{channel}/messages". Error, RateLimited,
// EdgeBan, Reset, Lost, Held, Truncated and Garbled make the usual ones;
// Fault.Times -1 makes a storm of them. (The transport of net/http repeats a GET
// by itself when a connection that it used before is reset.)
//
// Misbehave arms a trick for the next connections at a stage; Drop, CloseWith,
// Op7, InvalidSession, ForgetSessions, Mute and InvalidateToken act at once;
// LoseNext, RepeatNext, ReorderNext, RewriteNext and Hold spoil the next events;
// Dispatch and SendFrame send whatever they are given.
//
// # Being strict
//
// What a well-made client never does is recorded by Violations: a request
// without authorisation, without allowed_mentions, with a body that Discord
// refuses (50006, 50035), to a route that this package does not know, a packet
// out of order at the gateway, an IDENTIFY too many. Answers that only tell the
// state of the world (50007, 10015, 429) are none. A test that misuses it on
// purpose calls TakeViolations.
//
// # Limits
//
// Rate limits are Discord's own (DefaultLimits) and are kept by Options.Now;
// Loose sets them out of the way of tests that are not about them. Everything
// is bounded: see the constants of server.go.
//
// # Who locks
//
// Server.mu guards everything in the world, the sessions, the queues of the
// connections and the record. Handles (Person, Guild, Channel, Interaction) hold
// an id and lock when asked. Each connection has one reader and one writer; the
// writer alone touches the write side and takes its frames from a queue that is
// filled under mu. Nothing is written to a socket while mu is held. Close ends
// every goroutine and waits for it.
package discordtest
