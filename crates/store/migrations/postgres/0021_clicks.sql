-- Links of mails that were followed: noted by the gateway, judged a minute later, gone within the hour. link counts from 1 in the order
-- of the mail, which has `links` of them; minute is that of `at`, so that one row a minute is all a link can make. visitor stands for
-- an internet address, by a keyed hash. verdict is NULL until the click is judged.
CREATE TABLE click (
    message TEXT COLLATE "C" NOT NULL,
    link    BIGINT NOT NULL CHECK (link > 0),
    minute  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    links   BIGINT NOT NULL CHECK (links >= link),
    machine BIGINT NOT NULL CHECK (machine IN (0, 1)),
    visitor TEXT COLLATE "C",
    verdict TEXT COLLATE "C",
    PRIMARY KEY (message, link, minute)
);
CREATE INDEX click_open ON click (at) WHERE verdict IS NULL;
CREATE INDEX click_judged ON click (at) WHERE verdict IS NOT NULL;
CREATE INDEX click_visitor ON click (visitor, at) WHERE visitor IS NOT NULL;

-- A click that a person made is something they did about a mail.
ALTER TABLE response DROP CONSTRAINT response_what_check;
ALTER TABLE response ADD CONSTRAINT response_what_check CHECK (what IN ('reply', 'answer', 'unsubscribe', 'click'));
