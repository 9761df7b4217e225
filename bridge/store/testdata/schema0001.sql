-- The first schema. Times are integer milliseconds, UTC. Addresses are lower
-- case. Numbers of accounts and messages are never used again (AUTOINCREMENT):
-- message ids made from them are idempotency keys out in the world.

CREATE TABLE meta (
	key   TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
	number      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	address     TEXT    NOT NULL UNIQUE,
	name        TEXT    NOT NULL,
	created     INTEGER NOT NULL,
	secret      BLOB    NOT NULL,              -- sealed: what boxes sign in with
	password    TEXT    NOT NULL DEFAULT '',   -- argon2id, '' if none
	recoverable BLOB,                          -- sealed: the password itself, if kept
	version     INTEGER NOT NULL DEFAULT 1,    -- of the lists, 1 to 4294967295
	privacy     TEXT    NOT NULL DEFAULT 'AL', -- BLP
	prompt      TEXT    NOT NULL DEFAULT 'A'   -- GTC
) STRICT;

CREATE TABLE boxes (
	ssid    TEXT    NOT NULL,
	user_id INTEGER NOT NULL,
	account TEXT    NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	linked  INTEGER NOT NULL,
	PRIMARY KEY (ssid, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX boxes_account ON boxes (account);

CREATE TABLE contacts (
	account TEXT    NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	address TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	lists   INTEGER NOT NULL,                  -- FL 1, AL 2, BL 4, RL 8
	added   INTEGER NOT NULL,
	PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;
-- Who has somebody on the forward list: asked at each change of presence.
CREATE INDEX contacts_watchers ON contacts (address, account) WHERE lists & 1 = 1;

CREATE TABLE outbox (
	id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	account TEXT    NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	peer    TEXT    NOT NULL,
	network TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	body    BLOB    NOT NULL,
	created INTEGER NOT NULL,
	state   TEXT    NOT NULL,
	event   TEXT    NOT NULL DEFAULT '',
	reason  TEXT    NOT NULL DEFAULT '',
	changed INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_pending ON outbox (account, peer, id) WHERE state = 'pending';
CREATE INDEX outbox_done ON outbox (changed) WHERE state <> 'pending';

CREATE TABLE inbox (
	id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	account TEXT    NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	peer    TEXT    NOT NULL,
	network TEXT    NOT NULL,
	event   TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	body    BLOB    NOT NULL,
	sent    INTEGER NOT NULL,
	stored  INTEGER NOT NULL,
	state   TEXT    NOT NULL,
	changed INTEGER NOT NULL
) STRICT;
CREATE INDEX inbox_pending ON inbox (account, id, peer) WHERE state = 'pending';
CREATE INDEX inbox_done ON inbox (changed) WHERE state <> 'pending';

-- Which events of the networks were handled: written in the transaction that
-- has the effect, so that a repeat has none (lessons.md L1).
CREATE TABLE seen (
	network TEXT    NOT NULL,
	event   TEXT    NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (network, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_at ON seen (at);
