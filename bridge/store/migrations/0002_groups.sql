-- Contact groups and phone settings.

-- The groups a contact is in, bit n for group n: 0 when it is not on the forward
-- list, at least one bit when it is.
ALTER TABLE contacts ADD COLUMN in_groups INTEGER NOT NULL DEFAULT 0;
UPDATE contacts SET in_groups = 1 WHERE lists & 1 = 1;

-- Group 0 exists for every account; it has a row only when it was renamed.
CREATE TABLE contact_groups (
	account TEXT    NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	number  INTEGER NOT NULL,                  -- 0 to 29
	name    TEXT    NOT NULL,
	PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE phones (
	account TEXT NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,
	kind    TEXT NOT NULL,                     -- PHH, PHW, PHM, MOB, MBE
	value   TEXT NOT NULL,
	PRIMARY KEY (account, kind)
) STRICT, WITHOUT ROWID;
