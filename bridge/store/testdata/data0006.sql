-- What a gateway of the sixth schema has written beside.
INSERT INTO told VALUES ('alice@webtv.local', 'bob@example.org');
