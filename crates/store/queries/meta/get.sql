-- A fact. $1 name. Uses the primary key of meta.
SELECT value FROM meta WHERE name = $1
