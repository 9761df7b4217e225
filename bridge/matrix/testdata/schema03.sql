-- v2 -> v3: rooms for several people, ghosts' pictures

-- Who of our accounts is in which room for several people, as which contact. A row
-- is there from the invitation or the wish to go in, until the ghost is out.
CREATE TABLE matrix_crowds (
	room         TEXT    NOT NULL,
	account      TEXT    NOT NULL,
	contact      TEXT    NOT NULL, -- #alias:server, or the room's id where it has none
	state        TEXT    NOT NULL, -- asked, joined
	inviter      TEXT    NOT NULL DEFAULT '',
	created      INTEGER NOT NULL,
	PRIMARY KEY (room, account)
);
CREATE INDEX matrix_crowds_contact ON matrix_crowds (account, contact);

-- Those rooms, whoever is in them.
CREATE TABLE matrix_crowd_rooms (
	room         TEXT    NOT NULL PRIMARY KEY,
	name         TEXT    NOT NULL DEFAULT '',
	encrypted    INTEGER NOT NULL DEFAULT 0,
	encryption   TEXT    NOT NULL DEFAULT '', -- the content of its m.room.encryption
	told_bridged INTEGER NOT NULL DEFAULT 0   -- that other bridges' users are not shown
);

-- Their members, for the speakers' names and for keys.
CREATE TABLE matrix_members (
	room   TEXT    NOT NULL,
	user   TEXT    NOT NULL,
	name   TEXT    NOT NULL DEFAULT '',
	joined INTEGER NOT NULL, -- else invited
	PRIMARY KEY (room, user)
);
CREATE INDEX matrix_members_user ON matrix_members (user);

-- Who wrote an event: nobody else corrects it.
ALTER TABLE matrix_inbox ADD COLUMN sender TEXT NOT NULL DEFAULT '';

-- The picture that the homeserver has of a ghost: a digest of what was set.
ALTER TABLE matrix_ghosts ADD COLUMN picture TEXT NOT NULL DEFAULT '';
