-- How far mail to a provider's mailboxes has come, in microseconds: when the last one that left has had its time, and the last
-- instant given to one that waits. Whoever counts a provider's mail locks its row. Rows of silent providers are forgotten.
CREATE TABLE pace (
    provider TEXT COLLATE "C" PRIMARY KEY,
    free_us  BIGINT NOT NULL,
    slot_us  BIGINT NOT NULL
);

-- Mails from a domain that is being warmed up, by its days counted from 1970: those that left, and those that were put off.
CREATE TABLE warm_up (
    domain TEXT COLLATE "C" NOT NULL,
    day    BIGINT NOT NULL,
    mails  BIGINT NOT NULL CHECK (mails >= 0),
    waits  BIGINT NOT NULL CHECK (waits >= 0),
    PRIMARY KEY (domain, day)
);

-- Mails on their way, and what they were counted for; domain is '' where nothing is warmed up. Gone when they are settled.
CREATE TABLE leaving (
    message  TEXT COLLATE "C" PRIMARY KEY,
    provider TEXT COLLATE "C" NOT NULL,
    domain   TEXT COLLATE "C" NOT NULL,
    day      BIGINT NOT NULL
);

CREATE INDEX leaving_provider ON leaving (provider);
