-- Partners of this id in any programme. $1 partner. Uses partner_id.
SELECT program, partner FROM partner WHERE partner = $1 ORDER BY program
