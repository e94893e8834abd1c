-- How far mail to a provider has come. $1 provider, $2 free, $3 slot. Uses the primary key of pace.
UPDATE pace SET free_us = $2, slot_us = $3 WHERE provider = $1
