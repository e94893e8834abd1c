-- Nothing is sent to the address any more, whoever brings it again. $1 the address's hash, $2 at. Uses the primary key of suppression.
INSERT INTO suppression (address, topic, reason, at) VALUES ($1, '', 'erased', $2) ON CONFLICT (address, topic, reason) DO NOTHING
