-- Suppressions in force, those under the address's hash too. Uses the primary key of suppression.
-- rows: address text, hash text
SELECT input.address, s.topic, s.reason FROM input JOIN suppression s ON s.address IN (input.address, input.hash)
