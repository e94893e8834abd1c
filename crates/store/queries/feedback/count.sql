-- Reports of one sort about an address. $1 address key, $2 what, $3 since. Uses feedback_address.
SELECT COUNT(*) FROM feedback WHERE address = $1 AND what = $2 AND at >= $3
