INSERT INTO matrix_ghosts VALUES ('alice@webtv.local', 1, 'Alice');
INSERT INTO matrix_rooms VALUES ('!r:hs.test', 'alice@webtv.local', '@bob:hs.test', 'joined', 1, 1, 0, 'Bob', '$i', 946684800123, 0, 0, 946684800124, 946684800125);
INSERT INTO matrix_inbox VALUES (7, '$e', '!r:hs.test', x'7b7d', 0, 946684800126);
INSERT INTO matrix_inbox VALUES (8, '$f', '!r:hs.test', x'', 1, 946684800127);
