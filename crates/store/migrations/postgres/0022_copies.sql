-- An address gets one copy of a mail, however many partners have it: what counts for caps tells which mail it was, and whose. The round
-- is that of a broadcast, and empty for all other mail.
ALTER TABLE message ADD COLUMN round TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sent ADD COLUMN program TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sent ADD COLUMN partner TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sent ADD COLUMN workflow TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sent ADD COLUMN mail TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sent ADD COLUMN round TEXT COLLATE "C" NOT NULL DEFAULT '';

UPDATE sent SET program = m.program, partner = m.partner, workflow = m.workflow, mail = m.mail
FROM message m WHERE m.id = sent.message;
