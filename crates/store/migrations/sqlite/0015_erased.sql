-- Partners who were erased, and as of when: what was said of them before is not taken in again. Their addresses live on as hashes
-- in `suppression` ('sha256:' and 64 hex digits).
CREATE TABLE erased (
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (program, partner)
) WITHOUT ROWID;
