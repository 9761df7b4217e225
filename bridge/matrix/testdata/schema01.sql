-- v0 -> v1: ghosts, rooms and the inbox

-- A ghost of each account that was ever registered with the homeserver.
CREATE TABLE matrix_ghosts (
	account    TEXT    NOT NULL PRIMARY KEY,
	registered INTEGER NOT NULL DEFAULT 0,
	name       TEXT    NOT NULL DEFAULT '' -- the display name the homeserver has
);

-- The direct rooms. A pair may have several. State: see rooms.go. Times are
-- milliseconds since 1970.
CREATE TABLE matrix_rooms (
	room         TEXT    NOT NULL PRIMARY KEY,
	account      TEXT    NOT NULL,
	friend       TEXT    NOT NULL,
	state        TEXT    NOT NULL,
	ours         INTEGER NOT NULL, -- made by the ghost, not by the friend
	direct       INTEGER NOT NULL, -- the invitation said so
	encrypted    INTEGER NOT NULL DEFAULT 0,
	name         TEXT    NOT NULL DEFAULT '', -- the friend's display name
	invite_event TEXT    NOT NULL DEFAULT '',
	invite_time  INTEGER NOT NULL DEFAULT 0,
	told_friend  INTEGER NOT NULL DEFAULT 0, -- that we cannot read encrypted messages
	told_box     INTEGER NOT NULL DEFAULT 0,
	created      INTEGER NOT NULL,
	active       INTEGER NOT NULL -- last message or change
);
CREATE INDEX matrix_rooms_pair ON matrix_rooms (account, friend);
CREATE INDEX matrix_rooms_friend ON matrix_rooms (friend, state);

-- What the homeserver pushed. A row outlives its handling: it is what a repeat
-- is recognised by, and tells the room of a message that is to be marked read.
CREATE TABLE matrix_inbox (
	seq      INTEGER PRIMARY KEY AUTOINCREMENT,
	event    TEXT    NOT NULL UNIQUE,
	room     TEXT    NOT NULL,
	raw      BLOB    NOT NULL, -- empty once done
	state    INTEGER NOT NULL DEFAULT 0, -- 0 new, 1 done, 2 given up
	received INTEGER NOT NULL
);
CREATE INDEX matrix_inbox_work ON matrix_inbox (room, seq) WHERE state = 0;
CREATE INDEX matrix_inbox_old ON matrix_inbox (received) WHERE state > 0;
