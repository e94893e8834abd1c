-- Answers to anonymous surveys, as counts: no row is anybody's, and none tells when it was written. Answers wait until there are five
-- of a survey and period, so that what is told of them never grows by fewer. The row of the empty answer is the sum of the others.
CREATE TABLE survey_tally (
    program TEXT NOT NULL,
    survey  TEXT NOT NULL,
    period  TEXT NOT NULL,
    answer  TEXT NOT NULL,
    waiting INTEGER NOT NULL CHECK (waiting >= 0),
    told    INTEGER NOT NULL CHECK (told >= 0),
    PRIMARY KEY (program, survey, period, answer)
) WITHOUT ROWID;

-- What stands for partners in the links that were used, so that each answers once. It shares nothing with the answers: no survey, no
-- number, no instant of its own, no order. closes_at is the same for all links of a period; nobody needs the row after it.
CREATE TABLE survey_ticket (
    ticket    TEXT PRIMARY KEY,
    closes_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX survey_ticket_closes ON survey_ticket (closes_at);
