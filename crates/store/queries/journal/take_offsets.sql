-- Reserves offsets in the transaction that uses them. $1 shard, $2 how many. Uses the primary key of journal_end.
INSERT INTO journal_end (shard, next_offset) VALUES ($1, $2)
ON CONFLICT (shard) DO UPDATE SET next_offset = journal_end.next_offset + excluded.next_offset
RETURNING next_offset
