-- Locks messages in id order, as a claim and a cancellation do: in another order two of them could wait for each other in a circle.
-- Uses the primary key of message. A row at a time, in the order of the rows asked for: the planner may neither choose another nor
-- walk the primary key to have it.
-- rows: id text
SELECT found.id FROM (SELECT id FROM input ORDER BY id COLLATE "C") asked
CROSS JOIN LATERAL (SELECT m.id FROM message m WHERE m.id = asked.id FOR NO KEY UPDATE) found
