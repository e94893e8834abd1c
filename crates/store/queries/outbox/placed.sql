-- So many positions were given. $1 how many. Uses the primary key of relay.
UPDATE relay SET position = position + $1 WHERE relay = 1
