-- Becomes the relay, unless another was heard of lately. $1 owner, $2 silence in milliseconds. Uses the primary key of relay.
-- The epoch rises even when we were the relay already: what a predecessor of our name still asks for must find nothing.
UPDATE relay SET owner = $1, epoch = epoch + 1, seen_at = @now
WHERE relay = 1 AND (owner IS NULL OR owner = $1 OR seen_at <= @now - $2)
RETURNING epoch
