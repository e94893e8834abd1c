-- What partners did about a mail, once for each mail and sort: written by the shard that folds the record which tells of it.
CREATE TABLE response (
    message TEXT COLLATE "C" NOT NULL,
    what    TEXT COLLATE "C" NOT NULL CHECK (what IN ('reply', 'answer', 'unsubscribe')),
    program TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (message, what, program, partner)
);
CREATE INDEX response_at ON response (at);

-- Why the contact policy last put the mail off; it stays when the mail has left, and is NULL where it never waited.
ALTER TABLE message ADD COLUMN deferred TEXT COLLATE "C";
