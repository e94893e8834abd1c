-- What was said of a partner up to then is erased. $1 programme, $2 partner, $3 at. Uses the primary key of erased.
INSERT INTO erased (program, partner, at) VALUES ($1, $2, $3) ON CONFLICT (program, partner)
DO UPDATE SET at = CASE WHEN excluded.at > erased.at THEN excluded.at ELSE erased.at END
