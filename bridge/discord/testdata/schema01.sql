-- v0 -> v1: persons, pairs, messages, channels

-- Times are milliseconds since 1970; ids are snowflakes as Discord writes them.

-- Persons we have met. The id is who they are; names change hands.
CREATE TABLE discord_users (
	user     TEXT    NOT NULL PRIMARY KEY,
	username TEXT    NOT NULL DEFAULT '',
	name     TEXT    NOT NULL DEFAULT '', -- display name
	dm       TEXT    NOT NULL DEFAULT '', -- channel of the direct messages with the bot
	closed   INTEGER NOT NULL DEFAULT 0,  -- why they cannot be written to: 50007 or 50278
	hidden   INTEGER NOT NULL DEFAULT 0,  -- said /webtv leave
	helped   INTEGER NOT NULL DEFAULT 0   -- last help line
);
CREATE INDEX discord_users_dm ON discord_users (dm);

-- An account and a person who know each other or may. State: see pairs.go.
CREATE TABLE discord_pairs (
	account TEXT    NOT NULL,
	user    TEXT    NOT NULL,
	name    TEXT    NOT NULL, -- the user name under which the account has them
	state   TEXT    NOT NULL,
	asked   INTEGER NOT NULL DEFAULT 0, -- when the friend was asked; 0: still to be
	since   INTEGER NOT NULL,           -- when it came into this state
	active  INTEGER NOT NULL DEFAULT 0, -- when either last spoke
	spoke   INTEGER NOT NULL DEFAULT 0, -- when the box last did
	told    INTEGER NOT NULL DEFAULT 0, -- the friend knows that the TV is off
	waits   INTEGER NOT NULL DEFAULT 0, -- the box knows that the friend has not answered
	room    TEXT    NOT NULL DEFAULT '', -- a private thread that they use instead of the DM
	PRIMARY KEY (account, user)
);
CREATE UNIQUE INDEX discord_pairs_name ON discord_pairs (account, name);
CREATE INDEX discord_pairs_user ON discord_pairs (user);
CREATE INDEX discord_pairs_asked ON discord_pairs (since) WHERE state = 'asked' AND asked = 0;

-- What was said, both ways: a repeat is recognised by it, and replies, edits,
-- deletions and reactions find whose it is.
CREATE TABLE discord_lines (
	id      TEXT    NOT NULL,
	account TEXT    NOT NULL, -- '' for what concerns nobody
	channel TEXT    NOT NULL,
	user    TEXT    NOT NULL DEFAULT '', -- who wrote it, '' for an account of ours
	body    TEXT    NOT NULL DEFAULT '',
	clock   INTEGER NOT NULL DEFAULT 0,  -- 1: it bears the clock, 2: it was shown
	at      INTEGER NOT NULL,
	PRIMARY KEY (id, account)
);
CREATE INDEX discord_lines_at ON discord_lines (at);
CREATE INDEX discord_lines_channel ON discord_lines (channel, account);

-- Pieces of what boxes wrote: what was tried, and what became of it.
CREATE TABLE discord_out (
	nonce   TEXT    NOT NULL PRIMARY KEY,
	msg     TEXT    NOT NULL,
	piece   INTEGER NOT NULL,
	account TEXT    NOT NULL,
	channel TEXT    NOT NULL,
	content TEXT    NOT NULL,
	body    TEXT    NOT NULL, -- what the box wrote, without what we put before it
	hook    TEXT    NOT NULL DEFAULT '', -- name it was sent under by a webhook
	sent    TEXT    NOT NULL DEFAULT '', -- the message's id there
	tried   INTEGER NOT NULL
);
CREATE INDEX discord_out_msg ON discord_out (msg);
CREATE INDEX discord_out_open ON discord_out (channel) WHERE sent = '';
CREATE INDEX discord_out_tried ON discord_out (tried);

-- Messages of which nobody knows yet for whom they are.
CREATE TABLE discord_held (
	id       TEXT    NOT NULL PRIMARY KEY,
	channel  TEXT    NOT NULL,
	user     TEXT    NOT NULL,
	raw      BLOB    NOT NULL,
	question TEXT    NOT NULL DEFAULT '', -- our message with the buttons
	at       INTEGER NOT NULL
);

-- Channels that we read, and how far.
CREATE TABLE discord_channels (
	channel TEXT    NOT NULL PRIMARY KEY,
	kind    TEXT    NOT NULL, -- dm, text, thread
	guild   TEXT    NOT NULL DEFAULT '',
	parent  TEXT    NOT NULL DEFAULT '', -- of a thread
	name    TEXT    NOT NULL DEFAULT '', -- the local part of its address without the #
	mark    TEXT    NOT NULL DEFAULT '', -- newest message seen
	bridged INTEGER NOT NULL DEFAULT 0,  -- a moderator said so
	bots    INTEGER NOT NULL DEFAULT 0,  -- relay other bots too
	active  INTEGER NOT NULL DEFAULT 0
);

-- Our webhooks. The token is sealed.
CREATE TABLE discord_webhooks (
	channel TEXT NOT NULL PRIMARY KEY,
	id      TEXT NOT NULL,
	token   BLOB NOT NULL
);

-- Accounts that have a channel as a contact.
CREATE TABLE discord_members (
	account TEXT    NOT NULL,
	name    TEXT    NOT NULL, -- as it stands in the address, without the #
	channel TEXT    NOT NULL,
	PRIMARY KEY (account, name)
);
CREATE UNIQUE INDEX discord_members_channel ON discord_members (channel, account);

-- Accounts that a moderator lets into a channel that not everyone can view.
CREATE TABLE discord_allowed (
	channel TEXT NOT NULL,
	account TEXT NOT NULL,
	PRIMARY KEY (channel, account)
);

CREATE TABLE discord_guilds (
	guild TEXT NOT NULL PRIMARY KEY,
	slug  TEXT NOT NULL UNIQUE,
	home  TEXT NOT NULL DEFAULT '' -- the WebTV channel
);

-- Single values: the hash of the commands, the opener's rest, the quarantine.
CREATE TABLE discord_values (
	key   TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
);

-- When we identified and when we opened direct messages, for the fuse and the
-- slow opener.
CREATE TABLE discord_times (
	kind TEXT    NOT NULL,
	at   INTEGER NOT NULL
);
CREATE INDEX discord_times_at ON discord_times (kind, at);
