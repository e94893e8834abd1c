-- Partners whose records, timers and mail wait for a person. Read by every claim of mail: it holds only those few.
CREATE TABLE quarantine (
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (program, partner)
) WITHOUT ROWID;
