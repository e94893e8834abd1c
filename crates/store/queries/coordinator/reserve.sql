-- Reserves offers, once per request. Uses the primary key of reservation.
-- rows: request text, offer text, program text, partner text, journey text, at int, minor int, currency text
INSERT INTO reservation (request, offer, program, partner, journey, at, minor, currency)
SELECT request, offer, program, partner, journey, at, minor, currency FROM input WHERE true
ON CONFLICT (request) DO NOTHING
