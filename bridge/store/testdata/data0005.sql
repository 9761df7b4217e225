-- What a gateway of the fifth schema has written beside.
UPDATE accounts SET greeted = 1;
INSERT INTO inbox VALUES (52, 'alice@webtv.local', 'bob@example.org', 'matrix', '$f', 'message', 'Bob', x'79', 946684800132, 946684800133, 'folded', 946684800133, 0);
