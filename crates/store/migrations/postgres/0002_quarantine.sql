-- Partners whose records, timers and mail wait for a person. Read by every claim of mail: it holds only those few.
CREATE TABLE quarantine (
    program TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    reason  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (program, partner)
);
