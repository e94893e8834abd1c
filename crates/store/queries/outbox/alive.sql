-- The first statement of carrying: with no row we are fenced; with one, nobody else gives positions before we commit.
-- $1 epoch. Uses the primary key of relay.
UPDATE relay SET seen_at = @now WHERE relay = 1 AND epoch = $1
