-- The first schema. Ids are TEXT in byte order (COLLATE "C", the order Rust sorts in), instants BIGINT epoch milliseconds.

CREATE TABLE meta (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE process (
    kind    TEXT COLLATE "C" NOT NULL,
    process TEXT COLLATE "C" NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (kind, process)
);

-- One row a shard, rewritten at every commit: room for heap-only updates. -1 is the coordinator's.
CREATE TABLE shard (
    shard       BIGINT PRIMARY KEY CHECK (shard >= -1),
    owner       TEXT COLLATE "C",
    epoch       BIGINT NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    commit_no   BIGINT NOT NULL DEFAULT 0 CHECK (commit_no >= 0),
    next_offset BIGINT NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    clock       BIGINT,
    seen        BYTEA NOT NULL DEFAULT '',
    rulebook    TEXT COLLATE "C",
    progress    BYTEA NOT NULL DEFAULT '',
    seen_at     BIGINT NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE clock_mark (
    shard       BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    clock       BIGINT NOT NULL,
    PRIMARY KEY (shard, next_offset, clock)
);

-- One row a commit: the 64-bit hashes of its activity ids, little endian.
CREATE TABLE activity_ids (
    shard     BIGINT NOT NULL,
    commit_no BIGINT NOT NULL,
    clock     BIGINT NOT NULL,
    ids       BYTEA NOT NULL CHECK (octet_length(ids) % 8 = 0),
    PRIMARY KEY (shard, commit_no)
);
CREATE INDEX activity_ids_clock ON activity_ids (shard, clock);

CREATE TABLE partner (
    program TEXT COLLATE "C" NOT NULL CHECK (program <> ''),
    partner TEXT COLLATE "C" NOT NULL CHECK (partner <> ''),
    shard   BIGINT NOT NULL CHECK (shard >= 0),
    hot     BYTEA NOT NULL,
    PRIMARY KEY (program, partner)
) WITH (fillfactor = 60);
CREATE INDEX partner_shard ON partner (shard, program, partner);
CREATE INDEX partner_id ON partner (partner);

CREATE TABLE partner_days (
    program TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    days    BYTEA NOT NULL,
    PRIMARY KEY (program, partner)
) WITH (fillfactor = 80);

CREATE TABLE conversion (
    program       TEXT COLLATE "C" NOT NULL,
    partner       TEXT COLLATE "C" NOT NULL,
    conversion_id TEXT COLLATE "C" NOT NULL,
    occurred_at   BIGINT NOT NULL,
    status        TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'approved', 'paid', 'reversed')),
    amount_minor  BIGINT NOT NULL,
    currency      TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    body          BYTEA NOT NULL,
    PRIMARY KEY (program, partner, conversion_id)
) WITH (fillfactor = 90);
CREATE INDEX conversion_occurred ON conversion (occurred_at);

CREATE TABLE signal (
    id          TEXT COLLATE "C" PRIMARY KEY,
    program     TEXT COLLATE "C" NOT NULL,
    partner     TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    occurred_at BIGINT NOT NULL,
    ended_at    BIGINT,
    payload     TEXT NOT NULL
);
CREATE INDEX signal_partner ON signal (program, partner, occurred_at);

CREATE TABLE refusal (
    program  TEXT COLLATE "C" NOT NULL,
    partner  TEXT COLLATE "C" NOT NULL,
    workflow TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    code     TEXT COLLATE "C" NOT NULL,
    clauses  TEXT NOT NULL,
    PRIMARY KEY (program, partner, workflow)
) WITH (fillfactor = 80);

CREATE TABLE journey (
    id         TEXT COLLATE "C" PRIMARY KEY,
    program    TEXT COLLATE "C" NOT NULL,
    partner    TEXT COLLATE "C" NOT NULL,
    workflow   TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    exited_at  BIGINT,
    exit_code  TEXT COLLATE "C",
    held_out   BOOLEAN NOT NULL,
    body       TEXT NOT NULL,
    CHECK ((exited_at IS NULL) = (exit_code IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX journey_partner ON journey (program, partner);

CREATE TABLE timer (
    program TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    shard   BIGINT NOT NULL CHECK (shard >= 0),
    due     BIGINT NOT NULL,
    seq     BIGINT NOT NULL CHECK (seq >= 0),
    PRIMARY KEY (program, partner, subject)
);
CREATE INDEX timer_due ON timer (shard, due, program, partner, subject);

-- One row per normalised address: what a mailer locks. `attempting` is the one message in hand.
CREATE TABLE recipient (
    address    TEXT COLLATE "C" PRIMARY KEY CHECK (address <> ''),
    attempting TEXT COLLATE "C"
) WITH (fillfactor = 70);

CREATE TABLE message (
    id            TEXT COLLATE "C" PRIMARY KEY,
    shard         BIGINT NOT NULL CHECK (shard >= 0),
    program       TEXT COLLATE "C" NOT NULL,
    partner       TEXT COLLATE "C" NOT NULL,
    address       TEXT COLLATE "C",
    workflow      TEXT COLLATE "C" NOT NULL,
    journey       TEXT COLLATE "C" NOT NULL,
    step          TEXT COLLATE "C" NOT NULL,
    mail          TEXT COLLATE "C" NOT NULL,
    rulebook      TEXT COLLATE "C" NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('marketing', 'service')),
    topic         TEXT COLLATE "C" NOT NULL,
    priority      BIGINT NOT NULL,
    policy        TEXT COLLATE "C" NOT NULL CHECK (policy IN ('at_most_once', 'at_least_once')),
    planned_at    BIGINT NOT NULL,
    due           BIGINT NOT NULL,
    expires       BIGINT NOT NULL,
    state         TEXT COLLATE "C" NOT NULL DEFAULT 'queued' CHECK (state IN
                      ('queued', 'attempting', 'sent', 'suppressed', 'expired', 'failed', 'in_doubt', 'cancelled')),
    reason        TEXT,
    cancel_code   TEXT COLLATE "C",
    attempt       BIGINT NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    mailer        TEXT COLLATE "C",
    attempting_at BIGINT,
    changed_at    BIGINT NOT NULL,
    CHECK ((state = 'attempting') = (attempting_at IS NOT NULL)),
    CHECK (state NOT IN ('attempting', 'sent', 'in_doubt') OR (attempt > 0 AND address IS NOT NULL AND mailer IS NOT NULL)),
    CHECK (state NOT IN ('suppressed', 'expired', 'failed', 'cancelled') OR reason IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX message_due ON message (due) WHERE state = 'queued' AND address IS NOT NULL;
CREATE INDEX message_queued ON message (address) WHERE state = 'queued';
CREATE INDEX message_unaddressed ON message (expires) WHERE state = 'queued' AND address IS NULL;
CREATE INDEX message_attempting ON message (attempting_at) WHERE state = 'attempting';
CREATE INDEX message_partner ON message (program, partner);

-- The mail's names and values, apart from the row that every attempt rewrites.
CREATE TABLE message_context (
    message TEXT COLLATE "C" PRIMARY KEY,
    context TEXT NOT NULL
);

-- What counts for caps: accepted, in doubt, or in hand just now.
CREATE TABLE sent (
    message TEXT COLLATE "C" PRIMARY KEY,
    address TEXT COLLATE "C" NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL CHECK (kind IN ('marketing', 'service')),
    at      BIGINT NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX sent_address ON sent (address, at);

-- Topic '' is everything.
CREATE TABLE suppression (
    address TEXT COLLATE "C" NOT NULL,
    topic   TEXT COLLATE "C" NOT NULL,
    reason  TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (address, topic, reason)
);

CREATE TABLE hold (
    program    TEXT COLLATE "C" NOT NULL,
    partner    TEXT COLLATE "C" NOT NULL,
    workflow   TEXT COLLATE "C" NOT NULL,
    by_journey TEXT COLLATE "C" NOT NULL,
    until      BIGINT,
    PRIMARY KEY (program, partner, workflow, by_journey)
);

CREATE TABLE person (
    program TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    address TEXT COLLATE "C" CHECK (address <> ''),
    fields  TEXT NOT NULL,
    PRIMARY KEY (program, partner, version)
);

CREATE TABLE task (
    id        TEXT COLLATE "C" PRIMARY KEY,
    program   TEXT COLLATE "C" NOT NULL,
    partner   TEXT COLLATE "C" NOT NULL,
    workflow  TEXT COLLATE "C" NOT NULL,
    journey   TEXT COLLATE "C" NOT NULL,
    assignee  TEXT NOT NULL,
    body      TEXT NOT NULL,
    choices   TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    due       BIGINT
);
CREATE INDEX task_partner ON task (program, partner);

CREATE TABLE request (
    id      TEXT COLLATE "C" PRIMARY KEY,
    program TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    journey TEXT COLLATE "C" NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    body    TEXT NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX request_at ON request (at, id);

CREATE TABLE reservation (
    request  TEXT COLLATE "C" PRIMARY KEY,
    offer    TEXT COLLATE "C" NOT NULL,
    program  TEXT COLLATE "C" NOT NULL,
    partner  TEXT COLLATE "C" NOT NULL,
    journey  TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    minor    BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3)
);
CREATE INDEX reservation_offer ON reservation (offer, at);

-- Rows go when they are appended, so a transaction that commits late is simply read later; numbers need no gaplessness.
CREATE TABLE outbox (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   TEXT COLLATE "C" NOT NULL UNIQUE,
    shard      BIGINT NOT NULL CHECK (shard >= 0),
    record_key BYTEA NOT NULL,
    value      BYTEA NOT NULL
);

CREATE TABLE day_part (
    program TEXT COLLATE "C" NOT NULL,
    day     TEXT COLLATE "C" NOT NULL,
    shard   BIGINT NOT NULL,
    body    BYTEA NOT NULL,
    PRIMARY KEY (program, day, shard)
);

CREATE TABLE day_close (
    program TEXT COLLATE "C" NOT NULL,
    day     TEXT COLLATE "C" NOT NULL,
    body    BYTEA NOT NULL,
    state   BYTEA NOT NULL,
    PRIMARY KEY (program, day)
);

CREATE TABLE definition (
    hash       TEXT COLLATE "C" PRIMARY KEY,
    number     BIGINT NOT NULL UNIQUE,
    sources    TEXT NOT NULL,
    deployed   TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    applied_by TEXT NOT NULL
);

CREATE TABLE dead_letter (
    source           TEXT COLLATE "C" NOT NULL,
    source_partition BIGINT NOT NULL,
    source_offset    BIGINT NOT NULL,
    code             TEXT COLLATE "C" NOT NULL,
    detail           TEXT NOT NULL,
    raw              BYTEA NOT NULL,
    headers          TEXT NOT NULL,
    at               BIGINT NOT NULL,
    replayed_at      BIGINT,
    PRIMARY KEY (source, source_partition, source_offset)
);
CREATE INDEX dead_letter_at ON dead_letter (at);

-- Records of quarantined partners.
CREATE TABLE parked (
    program       TEXT COLLATE "C" NOT NULL,
    partner       TEXT COLLATE "C" NOT NULL,
    record_offset BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    PRIMARY KEY (program, partner, record_offset)
);
