-- v1 -> v2: encryption

-- What seals the tables of the library (crypto_*), itself sealed with the
-- gateway's key.
CREATE TABLE matrix_secrets (
	name   TEXT NOT NULL PRIMARY KEY,
	sealed BLOB NOT NULL
);

-- The device of each ghost, which stays for ever.
CREATE TABLE matrix_devices (
	account   TEXT    NOT NULL PRIMARY KEY,
	device    TEXT    NOT NULL,
	mode      TEXT    NOT NULL DEFAULT '', -- how the homeserver gave it, see crypto_device.go
	token     BLOB    NOT NULL DEFAULT x'', -- sealed
	seeds     BLOB    NOT NULL DEFAULT x'', -- of the cross-signing keys, sealed
	ready     INTEGER NOT NULL DEFAULT 0,   -- friends can write to it
	since     TEXT    NOT NULL DEFAULT '',  -- where the next sync begins
	next_sync INTEGER NOT NULL DEFAULT 0    -- when it is due while the box is signed out
);

-- What was encrypted and may not have arrived: each try sends the same.
CREATE TABLE matrix_ciphertexts (
	msg     TEXT    NOT NULL,
	room    TEXT    NOT NULL,
	content BLOB    NOT NULL,
	created INTEGER NOT NULL,
	PRIMARY KEY (msg, room)
);
CREATE INDEX matrix_ciphertexts_old ON matrix_ciphertexts (created);

-- The content of the room's m.room.encryption: when keys change.
ALTER TABLE matrix_rooms ADD COLUMN encryption TEXT NOT NULL DEFAULT '';

-- State 3 of a row: it waits for the key of a session. Told: that it cannot be
-- read yet.
ALTER TABLE matrix_inbox ADD COLUMN session TEXT NOT NULL DEFAULT '';
ALTER TABLE matrix_inbox ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX matrix_inbox_key ON matrix_inbox (session) WHERE session <> '';

-- What homeservers said last of friends.
CREATE TABLE matrix_presence (
	friend   TEXT    NOT NULL PRIMARY KEY,
	presence TEXT    NOT NULL,
	changed  INTEGER NOT NULL
);
