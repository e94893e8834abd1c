-- Who has this address: a hard bounce concerns every partner of it.
CREATE INDEX person_address ON person (address) WHERE address IS NOT NULL;
