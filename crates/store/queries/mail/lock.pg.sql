-- Locks a message and what travels with it, in the order given, which is that of cancellations. Uses the primary key of message.
-- rows: id text
SELECT m.id FROM input JOIN message m ON m.id = input.id FOR NO KEY UPDATE OF m
