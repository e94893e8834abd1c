-- Dead letters past their keep. $1 the instant. Uses dead_letter_at.
DELETE FROM dead_letter WHERE at < $1
