INSERT INTO matrix_secrets VALUES ('pickle', x'0102');
INSERT INTO matrix_devices VALUES ('alice@webtv.local', 'DEVICE', 'login', x'03', x'04', 1, 's1', 946684800128);
INSERT INTO matrix_ciphertexts VALUES ('wtvgate-0123456789abcdef-41', '!r:hs.test', x'7b7d', 946684800129);
INSERT INTO matrix_presence VALUES ('@bob:hs.test', 'online', 946684800130);
UPDATE matrix_rooms SET encryption = '{"algorithm":"m.megolm.v1.aes-sha2"}';
INSERT INTO matrix_inbox VALUES (9, '$g', '!r:hs.test', x'7b7d', 3, 946684800131, 'session', 1);
