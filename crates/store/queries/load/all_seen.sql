-- The positions of all shards. Reads the table once.
SELECT source, incarnation, part, place, nth FROM seen ORDER BY shard, source, incarnation, part
