-- Partners with their closed days. Uses the primary keys of partner and partner_days.
-- rows: program text, partner text
SELECT p.program, p.partner, p.hot, d.days
FROM input JOIN partner p ON p.program = input.program AND p.partner = input.partner
LEFT JOIN partner_days d ON d.program = p.program AND d.partner = p.partner
