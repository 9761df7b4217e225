-- Which box showed the signing key of a ticket first. The key itself is not
-- kept: it opens the challenge inside the ticket.
CREATE TABLE box_keys (
	digest BLOB    NOT NULL PRIMARY KEY,       -- SHA-256 of the key without parity bits
	ssid   TEXT    NOT NULL,
	first  INTEGER NOT NULL                    -- when it was first shown
) STRICT, WITHOUT ROWID;
CREATE INDEX box_keys_ssid ON box_keys (ssid, first);
