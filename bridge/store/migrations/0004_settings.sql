-- What an account's owner chose, links to pictures, and what later events of a
-- network say about messages: edits, deletions, reactions, replies.

CREATE TABLE account_settings (
	account TEXT NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	key     TEXT NOT NULL,
	value   TEXT NOT NULL,
	PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE pictures (
	token   TEXT    NOT NULL PRIMARY KEY,      -- what stands in the link
	account TEXT    NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	network TEXT    NOT NULL,
	file    TEXT    NOT NULL,                  -- digest of network and reference
	ref     BLOB    NOT NULL,                  -- sealed: the network's reference, perhaps with a key
	expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pictures_file ON pictures (account, file);
CREATE INDEX pictures_expires ON pictures (expires);

-- Messages by the network's id, and how often a waiting one was changed.
ALTER TABLE inbox ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
CREATE INDEX inbox_event ON inbox (event) WHERE event <> '';
CREATE INDEX outbox_event ON outbox (event) WHERE event <> '';
