UPDATE discord_out SET sent = '405';
