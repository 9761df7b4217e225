-- What a gateway of the third schema has written beside.
INSERT INTO box_keys VALUES (x'0102', '8100b0000000affe', 946684800130);
