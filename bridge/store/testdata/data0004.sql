-- What a gateway of the fourth schema has written beside.
INSERT INTO account_settings VALUES ('alice@webtv.local', 'emoji', 'names');
INSERT INTO pictures VALUES ('abcdefgh2345', 'alice@webtv.local', 'matrix', 'digest', x'00', 946684800131);
UPDATE inbox SET revision = 2;
