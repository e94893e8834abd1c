-- Suppressions in force. Uses the primary key of suppression.
-- rows: address text
SELECT s.address, s.topic, s.reason FROM input JOIN suppression s ON s.address = input.address
