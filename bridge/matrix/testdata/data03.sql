INSERT INTO matrix_crowds VALUES ('!c:hs.test', 'alice@webtv.local', '#club:hs.test', 'joined', '@bob:hs.test', 946684800132);
INSERT INTO matrix_crowd_rooms VALUES ('!c:hs.test', 'Club', 0, '', 1);
INSERT INTO matrix_members VALUES ('!c:hs.test', '@bob:hs.test', 'Bob', 1);
UPDATE matrix_inbox SET sender = '@bob:hs.test';
UPDATE matrix_ghosts SET picture = 'digest';
