-- The first schema. Ids are TEXT in byte order (SQLite's own), instants INTEGER epoch milliseconds.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE process (
    kind    TEXT NOT NULL,
    process TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (kind, process)
) WITHOUT ROWID;

-- One row a shard, rewritten at every commit. -1 is the coordinator's.
CREATE TABLE shard (
    shard       INTEGER PRIMARY KEY CHECK (shard >= -1),
    owner       TEXT,
    epoch       INTEGER NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    commit_no   INTEGER NOT NULL DEFAULT 0 CHECK (commit_no >= 0),
    next_offset INTEGER NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    clock       INTEGER,
    seen        BLOB NOT NULL DEFAULT x'',
    rulebook    TEXT,
    progress    BLOB NOT NULL DEFAULT x'',
    seen_at     INTEGER NOT NULL
);

CREATE TABLE clock_mark (
    shard       INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    clock       INTEGER NOT NULL,
    PRIMARY KEY (shard, next_offset, clock)
) WITHOUT ROWID;

-- One row a commit: the 64-bit hashes of its activity ids, little endian.
CREATE TABLE activity_ids (
    shard     INTEGER NOT NULL,
    commit_no INTEGER NOT NULL,
    clock     INTEGER NOT NULL,
    ids       BLOB NOT NULL CHECK (length(ids) % 8 = 0),
    PRIMARY KEY (shard, commit_no)
);
CREATE INDEX activity_ids_clock ON activity_ids (shard, clock);

CREATE TABLE partner (
    program TEXT NOT NULL CHECK (program <> ''),
    partner TEXT NOT NULL CHECK (partner <> ''),
    shard   INTEGER NOT NULL CHECK (shard >= 0),
    hot     BLOB NOT NULL,
    PRIMARY KEY (program, partner)
) WITHOUT ROWID;
CREATE INDEX partner_shard ON partner (shard, program, partner);
CREATE INDEX partner_id ON partner (partner);

CREATE TABLE partner_days (
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    days    BLOB NOT NULL,
    PRIMARY KEY (program, partner)
);

CREATE TABLE conversion (
    program       TEXT NOT NULL,
    partner       TEXT NOT NULL,
    conversion_id TEXT NOT NULL,
    occurred_at   INTEGER NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'paid', 'reversed')),
    amount_minor  INTEGER NOT NULL,
    currency      TEXT NOT NULL CHECK (length(currency) = 3),
    body          BLOB NOT NULL,
    PRIMARY KEY (program, partner, conversion_id)
) WITHOUT ROWID;
CREATE INDEX conversion_occurred ON conversion (occurred_at);

CREATE TABLE signal (
    id          TEXT PRIMARY KEY,
    program     TEXT NOT NULL,
    partner     TEXT NOT NULL,
    kind        TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    ended_at    INTEGER,
    payload     TEXT NOT NULL
);
CREATE INDEX signal_partner ON signal (program, partner, occurred_at);

CREATE TABLE refusal (
    program  TEXT NOT NULL,
    partner  TEXT NOT NULL,
    workflow TEXT NOT NULL,
    at       INTEGER NOT NULL,
    code     TEXT NOT NULL,
    clauses  TEXT NOT NULL,
    PRIMARY KEY (program, partner, workflow)
) WITHOUT ROWID;

CREATE TABLE journey (
    id         TEXT PRIMARY KEY,
    program    TEXT NOT NULL,
    partner    TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    version    TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    exited_at  INTEGER,
    exit_code  TEXT,
    held_out   INTEGER NOT NULL CHECK (held_out IN (0, 1)),
    body       TEXT NOT NULL,
    CHECK ((exited_at IS NULL) = (exit_code IS NULL))
);
CREATE INDEX journey_partner ON journey (program, partner);

CREATE TABLE timer (
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    subject TEXT NOT NULL,
    shard   INTEGER NOT NULL CHECK (shard >= 0),
    due     INTEGER NOT NULL,
    seq     INTEGER NOT NULL CHECK (seq >= 0),
    PRIMARY KEY (program, partner, subject)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (shard, due, program, partner, subject);

-- One row per normalised address: what a mailer locks. `attempting` is the one message in hand.
CREATE TABLE recipient (
    address    TEXT PRIMARY KEY CHECK (address <> ''),
    attempting TEXT
) WITHOUT ROWID;

CREATE TABLE message (
    id            TEXT PRIMARY KEY,
    shard         INTEGER NOT NULL CHECK (shard >= 0),
    program       TEXT NOT NULL,
    partner       TEXT NOT NULL,
    address       TEXT,
    workflow      TEXT NOT NULL,
    journey       TEXT NOT NULL,
    step          TEXT NOT NULL,
    mail          TEXT NOT NULL,
    rulebook      TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('marketing', 'service')),
    topic         TEXT NOT NULL,
    priority      INTEGER NOT NULL,
    policy        TEXT NOT NULL CHECK (policy IN ('at_most_once', 'at_least_once')),
    planned_at    INTEGER NOT NULL,
    due           INTEGER NOT NULL,
    expires       INTEGER NOT NULL,
    state         TEXT NOT NULL DEFAULT 'queued' CHECK (state IN
                      ('queued', 'attempting', 'sent', 'suppressed', 'expired', 'failed', 'in_doubt', 'cancelled')),
    reason        TEXT,
    cancel_code   TEXT,
    attempt       INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    mailer        TEXT,
    attempting_at INTEGER,
    changed_at    INTEGER NOT NULL,
    CHECK ((state = 'attempting') = (attempting_at IS NOT NULL)),
    CHECK (state NOT IN ('attempting', 'sent', 'in_doubt') OR (attempt > 0 AND address IS NOT NULL AND mailer IS NOT NULL)),
    CHECK (state NOT IN ('suppressed', 'expired', 'failed', 'cancelled') OR reason IS NOT NULL)
);
CREATE INDEX message_due ON message (due) WHERE state = 'queued' AND address IS NOT NULL;
CREATE INDEX message_queued ON message (address) WHERE state = 'queued';
CREATE INDEX message_unaddressed ON message (expires) WHERE state = 'queued' AND address IS NULL;
CREATE INDEX message_attempting ON message (attempting_at) WHERE state = 'attempting';
CREATE INDEX message_partner ON message (program, partner);

-- The mail's names and values, apart from the row that every attempt rewrites.
CREATE TABLE message_context (
    message TEXT PRIMARY KEY,
    context TEXT NOT NULL
);

-- What counts for caps: accepted, in doubt, or in hand just now.
CREATE TABLE sent (
    message TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('marketing', 'service')),
    at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sent_address ON sent (address, at);

-- Topic '' is everything.
CREATE TABLE suppression (
    address TEXT NOT NULL,
    topic   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (address, topic, reason)
) WITHOUT ROWID;

CREATE TABLE hold (
    program    TEXT NOT NULL,
    partner    TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    by_journey TEXT NOT NULL,
    until      INTEGER,
    PRIMARY KEY (program, partner, workflow, by_journey)
) WITHOUT ROWID;

CREATE TABLE person (
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    version INTEGER NOT NULL,
    address TEXT CHECK (address <> ''),
    fields  TEXT NOT NULL,
    PRIMARY KEY (program, partner, version)
);

CREATE TABLE task (
    id        TEXT PRIMARY KEY,
    program   TEXT NOT NULL,
    partner   TEXT NOT NULL,
    workflow  TEXT NOT NULL,
    journey   TEXT NOT NULL,
    assignee  TEXT NOT NULL,
    body      TEXT NOT NULL,
    choices   TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    due       INTEGER
);
CREATE INDEX task_partner ON task (program, partner);

CREATE TABLE request (
    id      TEXT PRIMARY KEY,
    program TEXT NOT NULL,
    partner TEXT NOT NULL,
    journey TEXT NOT NULL,
    kind    TEXT NOT NULL,
    body    TEXT NOT NULL,
    at      INTEGER NOT NULL
);
CREATE INDEX request_at ON request (at, id);

CREATE TABLE reservation (
    request  TEXT PRIMARY KEY,
    offer    TEXT NOT NULL,
    program  TEXT NOT NULL,
    partner  TEXT NOT NULL,
    journey  TEXT NOT NULL,
    at       INTEGER NOT NULL,
    minor    INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3)
);
CREATE INDEX reservation_offer ON reservation (offer, at);

-- Rows go when they are appended, so a transaction that commits late is simply read later; numbers need no gaplessness.
CREATE TABLE outbox (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id   TEXT NOT NULL UNIQUE,
    shard      INTEGER NOT NULL CHECK (shard >= 0),
    record_key BLOB NOT NULL,
    value      BLOB NOT NULL
);

CREATE TABLE day_part (
    program TEXT NOT NULL,
    day     TEXT NOT NULL,
    shard   INTEGER NOT NULL,
    body    BLOB NOT NULL,
    PRIMARY KEY (program, day, shard)
);

CREATE TABLE day_close (
    program TEXT NOT NULL,
    day     TEXT NOT NULL,
    body    BLOB NOT NULL,
    state   BLOB NOT NULL,
    PRIMARY KEY (program, day)
);

CREATE TABLE definition (
    hash       TEXT PRIMARY KEY,
    number     INTEGER NOT NULL UNIQUE,
    sources    TEXT NOT NULL,
    deployed   TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    applied_by TEXT NOT NULL
);

CREATE TABLE dead_letter (
    source           TEXT NOT NULL,
    source_partition INTEGER NOT NULL,
    source_offset    INTEGER NOT NULL,
    code             TEXT NOT NULL,
    detail           TEXT NOT NULL,
    raw              BLOB NOT NULL,
    headers          TEXT NOT NULL,
    at               INTEGER NOT NULL,
    replayed_at      INTEGER,
    PRIMARY KEY (source, source_partition, source_offset)
);
CREATE INDEX dead_letter_at ON dead_letter (at);

-- Records of quarantined partners.
CREATE TABLE parked (
    program       TEXT NOT NULL,
    partner       TEXT NOT NULL,
    record_offset INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    PRIMARY KEY (program, partner, record_offset)
) WITHOUT ROWID;

-- The embedded event log. Only the one writer appends, and it takes the next offset from `journal_end` in the transaction that
-- inserts the record: offsets are contiguous from 0 in commit order, and are not used again when old records are removed.
CREATE TABLE journal (
    shard         INTEGER NOT NULL CHECK (shard >= 0),
    record_offset INTEGER NOT NULL CHECK (record_offset >= 0),
    stamp         INTEGER NOT NULL,
    position      BLOB,
    record_key    BLOB NOT NULL,
    value         BLOB NOT NULL,
    PRIMARY KEY (shard, record_offset)
) WITHOUT ROWID;

CREATE TABLE journal_end (
    shard       INTEGER PRIMARY KEY CHECK (shard >= 0),
    next_offset INTEGER NOT NULL CHECK (next_offset >= 0)
);

CREATE TABLE journal_report (
    shard       INTEGER PRIMARY KEY,
    next_offset INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    commit_no   INTEGER NOT NULL
);

INSERT INTO meta (name, value) VALUES ('journal_id', lower(hex(randomblob(16))));
