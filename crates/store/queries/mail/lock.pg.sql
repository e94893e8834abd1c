-- Locks a message and what travels with it in id order, against a cancellation that is being committed. Uses the primary key of message.
-- rows: id text
SELECT m.id FROM input JOIN message m ON m.id = input.id ORDER BY m.id FOR NO KEY UPDATE OF m
