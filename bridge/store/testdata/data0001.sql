-- What a gateway of the first schema has written: rows of every table. The
-- secrets are sealed at run time by the test, which replaces x'00'.
INSERT INTO meta VALUES ('salt', '0123456789abcdef');
INSERT INTO accounts (number, address, name, created, secret, version, privacy, prompt)
	VALUES (7, 'alice@webtv.local', 'Alice', 946684800123, x'00', 4294967295, 'BL', 'N');
INSERT INTO boxes VALUES ('8100b0000000affe', 3, 'alice@webtv.local', 946684800124);
INSERT INTO contacts VALUES ('alice@webtv.local', 'bob@example.org', 'Bob', 11, 946684800125);
INSERT INTO outbox VALUES (41, 'alice@webtv.local', 'bob@example.org', 'matrix', 'message', x'6869', 946684800126, 'pending', '', '', 946684800127);
INSERT INTO inbox VALUES (51, 'alice@webtv.local', 'bob@example.org', 'matrix', '$e', 'message', 'Bob', x'796f', 946684800128, 946684800129, 'pending', 946684800129);
INSERT INTO seen VALUES ('matrix', '$e', 946684800129);
