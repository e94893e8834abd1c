-- Figures as `rapport report --save` computed them last, for SQL: a JSON object by name, money in minor units, what is missing null.
-- A row for each partner, and one with an empty partner for the programme. Nothing of rapport's own reads it.
CREATE TABLE figures (
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    as_of   BIGINT NOT NULL,
    figures TEXT NOT NULL,
    PRIMARY KEY (program, partner)
);
