-- What a gateway of the second schema has written beside: rows of its new tables.
INSERT INTO contact_groups VALUES ('alice@webtv.local', 3, 'Family');
INSERT INTO phones VALUES ('alice@webtv.local', 'PHH', '555');
UPDATE contacts SET in_groups = 8;
