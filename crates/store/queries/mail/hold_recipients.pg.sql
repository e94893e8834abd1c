-- Locks the recipients of attempts that end together, in the order of their addresses: two who end some of the same, because one
-- was taken for dead, would else wait for each other in a circle. Uses the primary key of recipient. A row at a time, as in lock.pg.sql.
-- rows: address text
SELECT found.address FROM (SELECT address FROM input ORDER BY address COLLATE "C") asked
CROSS JOIN LATERAL (SELECT r.address FROM recipient r WHERE r.address = asked.address FOR NO KEY UPDATE) found
