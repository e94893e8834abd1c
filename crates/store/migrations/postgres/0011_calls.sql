-- Calls of other systems, planned by journeys; a courier takes them under a lease and ends each once.
CREATE TABLE hook_call (
    id          TEXT COLLATE "C" PRIMARY KEY,
    program     TEXT COLLATE "C" NOT NULL,
    partner     TEXT COLLATE "C" NOT NULL,
    shard       BIGINT NOT NULL,
    workflow    TEXT NOT NULL,
    journey     TEXT COLLATE "C" NOT NULL,
    step        TEXT NOT NULL,
    hook        TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('webhook', 'slack')),
    private     BOOLEAN NOT NULL,
    body        TEXT NOT NULL,
    planned_at  BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'failed', 'cancelled')),
    attempt     BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0,
    reason      TEXT,
    ended_at    BIGINT
);
CREATE INDEX hook_call_due ON hook_call (due) WHERE state = 'queued';
CREATE INDEX hook_call_journey ON hook_call (journey);
