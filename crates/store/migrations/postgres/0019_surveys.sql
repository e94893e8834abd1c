-- Answers to anonymous surveys, as counts: no row is anybody's, and none tells when it was written. Answers wait until there are five
-- of a survey and period, so that what is told of them never grows by fewer. The row of the empty answer is the sum of the others: it
-- is written first, and so keeps two answers apart that come at once.
CREATE TABLE survey_tally (
    program TEXT COLLATE "C" NOT NULL,
    survey  TEXT COLLATE "C" NOT NULL,
    period  TEXT COLLATE "C" NOT NULL,
    answer  TEXT COLLATE "C" NOT NULL,
    waiting BIGINT NOT NULL CHECK (waiting >= 0),
    told    BIGINT NOT NULL CHECK (told >= 0),
    PRIMARY KEY (program, survey, period, answer)
);

-- What stands for partners in the links that were used, so that each answers once. It shares nothing with the answers: no survey, no
-- number, no instant of its own. closes_at is the same for all links of a period; nobody needs the row after it.
CREATE TABLE survey_ticket (
    ticket    TEXT COLLATE "C" PRIMARY KEY,
    closes_at BIGINT NOT NULL
);
CREATE INDEX survey_ticket_closes ON survey_ticket (closes_at);
