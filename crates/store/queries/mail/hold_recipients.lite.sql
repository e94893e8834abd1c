-- The recipients of attempts that end together. Uses the primary key of recipient. The writer's transaction is the lock.
-- rows: address text
SELECT r.address FROM input JOIN recipient r ON r.address = input.address
