-- Partners who were erased, and as of when: what was said of them before is not taken in again. Their addresses live on as hashes
-- in `suppression` ('sha256:' and 64 hex digits).
CREATE TABLE erased (
    program TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (program, partner)
);
