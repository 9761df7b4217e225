-- A hot conversation slows nobody else, and who was told that messages wait.

-- A conversation's own rows are found without those of all others of its account,
-- which were counted for each message while everybody waited to write.
DROP INDEX inbox_pending;
CREATE INDEX inbox_pending ON inbox (account, peer, id) WHERE state = 'pending';

-- Friends who know that what they write waits: once for each time a box is away.
CREATE TABLE told (
	account TEXT NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	peer    TEXT NOT NULL,
	PRIMARY KEY (account, peer)
) STRICT, WITHOUT ROWID;
