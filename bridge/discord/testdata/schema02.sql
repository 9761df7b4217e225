-- v1 -> v2: what was sent, by its id there

CREATE INDEX discord_out_sent ON discord_out (sent) WHERE sent <> '';
