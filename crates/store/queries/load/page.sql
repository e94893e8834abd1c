-- A page of a shard's partners in key order. $1 shard, $2 and $3 the key to begin after, $4 limit. Uses partner_shard.
SELECT p.program, p.partner, p.hot, d.days
FROM partner p LEFT JOIN partner_days d ON d.program = p.program AND d.partner = p.partner
WHERE p.shard = $1 AND (p.program, p.partner) > ($2, $3)
ORDER BY p.program, p.partner LIMIT $4
