-- The rows that were told under the hash meanwhile. $1 address. Uses the primary key of suppression.
DELETE FROM suppression WHERE address = $1
