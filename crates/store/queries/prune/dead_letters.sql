-- Dead letters past their keep; those of files are kept without what they held. $1 the instant. Uses dead_letter_at.
DELETE FROM dead_letter WHERE at < $1 AND source NOT LIKE 'file:%'
