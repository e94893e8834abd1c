-- Providers nothing was sent to for long; most are a domain each. $1 microseconds. Reads pace once a day.
DELETE FROM pace WHERE free_us < $1 AND slot_us < $1
