-- Nobody claims mail to the address until this is committed. $1 address. Uses the primary key of recipient.
UPDATE recipient SET attempting = attempting WHERE address = $1
