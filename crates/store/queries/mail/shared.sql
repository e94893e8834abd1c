-- Addresses that several partners have or had, while a shard has yet to come to the present. $1 the present. Uses person_address;
-- shard is short. CROSS JOIN, so that SQLite asks for the few addresses and does not walk the many persons.
-- rows: address text
SELECT input.address FROM input CROSS JOIN person p
WHERE p.address = input.address AND EXISTS (SELECT 1 FROM shard s WHERE s.shard >= 0 AND COALESCE(s.clock, 0) < $1)
GROUP BY input.address HAVING MIN(p.program) <> MAX(p.program) OR MIN(p.partner) <> MAX(p.partner)
