-- Mails that are on their way from now on. Uses the primary key of leaving.
-- rows: message text, provider text, domain text, day int
INSERT INTO leaving (message, provider, domain, day) SELECT message, provider, domain, day FROM input WHERE true
ON CONFLICT (message) DO UPDATE SET provider = excluded.provider, domain = excluded.domain, day = excluded.day
