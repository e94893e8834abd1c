-- A mail is not on its way any more: what it was counted for. $1 message. Uses the primary key of leaving.
DELETE FROM leaving WHERE message = $1 RETURNING domain, day
