-- Messages that are about to be changed. Uses the primary key of message. The writer's transaction is the lock.
-- rows: id text
SELECT m.id FROM input JOIN message m ON m.id = input.id
