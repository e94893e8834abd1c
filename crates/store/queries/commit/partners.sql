-- The hot part of partners' states. $1 shard. Uses the primary key of partner.
-- rows: program text, partner text, hot bytes
INSERT INTO partner (program, partner, shard, hot) SELECT program, partner, $1, hot FROM input WHERE true
ON CONFLICT (program, partner) DO UPDATE SET hot = excluded.hot
