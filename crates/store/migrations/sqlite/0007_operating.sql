-- Mail that waits because a person said so; '' is any. Read by every claim of mail: it holds only those few.
CREATE TABLE pause (
    id       TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    program  TEXT NOT NULL,
    partner  TEXT NOT NULL,
    journey  TEXT NOT NULL,
    since    INTEGER NOT NULL,
    until    INTEGER,
    by_whom  TEXT NOT NULL,
    because  TEXT NOT NULL,
    CHECK ((program = '') = (partner = ''))
) WITHOUT ROWID;

-- What people did, or were refused: applied, paused, held, stopped. Never changed.
CREATE TABLE audit (
    id          TEXT PRIMARY KEY,
    at          INTEGER NOT NULL,
    by_whom     TEXT NOT NULL,
    approved_by TEXT,
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    because     TEXT,
    done        INTEGER NOT NULL CHECK (done IN (0, 1)),
    detail      TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);
