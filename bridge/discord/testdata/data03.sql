INSERT INTO discord_edits VALUES ('wtvgate-0123456789abcdef-42', 0, 'n1', '**Alice**: ho', 'ho', 946684800132);
INSERT INTO discord_groups VALUES (1, 'alice@webtv.local', '100,101', '800');
