-- Mail that waits because a person said so; '' is any. Read by every claim of mail: it holds only those few.
CREATE TABLE pause (
    id       TEXT COLLATE "C" PRIMARY KEY,
    workflow TEXT COLLATE "C" NOT NULL,
    program  TEXT COLLATE "C" NOT NULL,
    partner  TEXT COLLATE "C" NOT NULL,
    journey  TEXT COLLATE "C" NOT NULL,
    since    BIGINT NOT NULL,
    until    BIGINT,
    by_whom  TEXT NOT NULL,
    because  TEXT NOT NULL,
    CHECK ((program = '') = (partner = ''))
);

-- What people did, or were refused: applied, paused, held, stopped. Never changed.
CREATE TABLE audit (
    id          TEXT COLLATE "C" PRIMARY KEY,
    at          BIGINT NOT NULL,
    by_whom     TEXT NOT NULL,
    approved_by TEXT,
    action      TEXT COLLATE "C" NOT NULL,
    subject     TEXT NOT NULL,
    because     TEXT,
    done        BOOLEAN NOT NULL,
    detail      TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);
