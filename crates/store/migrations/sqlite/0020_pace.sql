-- How far mail to a provider's mailboxes has come, in microseconds: when the last one that left has had its time, and the last
-- instant given to one that waits. Rows of silent providers are forgotten.
CREATE TABLE pace (
    provider TEXT NOT NULL PRIMARY KEY,
    free_us  INTEGER NOT NULL,
    slot_us  INTEGER NOT NULL
) WITHOUT ROWID;

-- Mails from a domain that is being warmed up, by its days counted from 1970: those that left, and those that were put off.
CREATE TABLE warm_up (
    domain TEXT NOT NULL,
    day    INTEGER NOT NULL,
    mails  INTEGER NOT NULL CHECK (mails >= 0),
    waits  INTEGER NOT NULL CHECK (waits >= 0),
    PRIMARY KEY (domain, day)
) WITHOUT ROWID;

-- Mails on their way, and what they were counted for; domain is '' where nothing is warmed up. Gone when they are settled.
CREATE TABLE leaving (
    message  TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    domain   TEXT NOT NULL,
    day      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX leaving_provider ON leaving (provider);
