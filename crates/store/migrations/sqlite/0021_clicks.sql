-- Links of mails that were followed: noted by the gateway, judged a minute later, gone within the hour. link counts from 1 in the order
-- of the mail, which has `links` of them; minute is that of `at`, so that one row a minute is all a link can make. visitor stands for
-- an internet address, by a keyed hash. verdict is NULL until the click is judged.
CREATE TABLE click (
    message TEXT NOT NULL,
    link    INTEGER NOT NULL CHECK (link > 0),
    minute  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    links   INTEGER NOT NULL CHECK (links >= link),
    machine INTEGER NOT NULL CHECK (machine IN (0, 1)),
    visitor TEXT,
    verdict TEXT,
    PRIMARY KEY (message, link, minute)
) WITHOUT ROWID;
CREATE INDEX click_open ON click (at) WHERE verdict IS NULL;
CREATE INDEX click_judged ON click (at) WHERE verdict IS NOT NULL;
CREATE INDEX click_visitor ON click (visitor, at) WHERE visitor IS NOT NULL;

-- A click that a person made is something they did about a mail. A check cannot be changed, so the table is made anew.
CREATE TABLE response_anew (
    message TEXT NOT NULL,
    what    TEXT NOT NULL CHECK (what IN ('reply', 'answer', 'unsubscribe', 'click')),
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (message, what, program, partner)
) WITHOUT ROWID;
INSERT INTO response_anew (message, what, program, partner, at) SELECT message, what, program, partner, at FROM response;
DROP TABLE response;
ALTER TABLE response_anew RENAME TO response;
CREATE INDEX response_at ON response (at);
