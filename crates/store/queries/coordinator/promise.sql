-- What was reserved for a message. $1 message. Uses the primary keys of reservation and message.
SELECT r.offer, r.program, r.partner, r.journey, r.at, r.minor, r.currency, back.request, m.state
FROM reservation r
LEFT JOIN reservation back ON back.request = 'offer_release:' || $1
LEFT JOIN message m ON m.id = $1
WHERE r.request = 'offer:' || $1
