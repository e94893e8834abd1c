-- What was suppressed under the address is so under its hash. $1 address, $2 its hash. Uses the primary key of suppression.
INSERT INTO suppression (address, topic, reason, at) SELECT $2, topic, reason, at FROM suppression WHERE address = $1
ON CONFLICT (address, topic, reason) DO NOTHING
