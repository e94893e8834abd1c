-- What mailbox providers and servers said about our mail, each once: the id makes a report told again change nothing.
-- The address is its hash, so nothing here is personal and an erased person's bounces need no erasing.
CREATE TABLE feedback (
    id       TEXT PRIMARY KEY,
    origin   TEXT NOT NULL,
    what     TEXT NOT NULL,
    address  TEXT,
    message  TEXT,
    workflow TEXT,
    at       BIGINT NOT NULL
);
CREATE INDEX feedback_address ON feedback (address, at);
CREATE INDEX feedback_message ON feedback (message);
CREATE INDEX feedback_at ON feedback (at);
