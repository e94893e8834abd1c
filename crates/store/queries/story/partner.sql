-- A partner with closed days. $1 program, $2 partner. Uses the primary keys of partner and partner_days.
SELECT p.program, p.partner, p.hot, d.days
FROM partner p LEFT JOIN partner_days d ON d.program = p.program AND d.partner = p.partner
WHERE p.program = $1 AND p.partner = $2
