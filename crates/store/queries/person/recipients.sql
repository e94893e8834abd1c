-- Makes sure that addresses can be locked; in address order, so that two writers cannot wait for each other in a circle. What was said
-- before an erasure is not taken in again. Uses the primary keys of recipient and erased.
-- rows: program text, partner text, version int, address text
INSERT INTO recipient (address) SELECT DISTINCT address FROM input WHERE NOT EXISTS (SELECT 1 FROM erased e
    WHERE e.program = input.program AND e.partner = input.partner AND e.at >= input.version)
ORDER BY address ON CONFLICT (address) DO NOTHING
