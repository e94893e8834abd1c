-- Reservations of an offer. $1 offer, $2 since, $3 program and $4 partner (both '' for everybody). Uses reservation_offer.
SELECT offer, program, partner, journey, at, minor, currency FROM reservation
WHERE offer = $1 AND at >= $2 AND (($3 = '' AND $4 = '') OR (program = $3 AND partner = $4))
ORDER BY at, request
