-- v2 -> v3: corrections that boxes make, and chats of several

-- A correction: which of our messages it changes, and into what. It stays until
-- the message that it corrects is forgotten, so that every try does the same.
CREATE TABLE discord_edits (
	msg     TEXT    NOT NULL, -- of the correction
	piece   INTEGER NOT NULL,
	nonce   TEXT    NOT NULL, -- of the piece that it changes
	content TEXT    NOT NULL,
	body    TEXT    NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (msg, piece)
);
CREATE INDEX discord_edits_at ON discord_edits (at);
CREATE INDEX discord_out_account ON discord_out (account, channel);

-- Chats of one account with several friends. The account knows one as the contact
-- #room-number; who is in it stays the same.
CREATE TABLE discord_groups (
	number  INTEGER NOT NULL PRIMARY KEY,
	account TEXT    NOT NULL,
	members TEXT    NOT NULL, -- persons' ids in order, joined by commas
	thread  TEXT    NOT NULL DEFAULT '', -- '' while there is none
	UNIQUE (account, members)
);
CREATE INDEX discord_groups_thread ON discord_groups (thread);
