-- The helper contact, and conversations too long for a screen.

-- 1: the helper was put on the account's lists and has said hello.
ALTER TABLE accounts ADD COLUMN greeted INTEGER NOT NULL DEFAULT 0;

-- What waited for a box and is kept until its owner asks for it.
CREATE INDEX inbox_folded ON inbox (account, peer, id) WHERE state = 'folded';
