-- Calls of other systems, planned by journeys; a courier takes them under a lease and ends each once.
CREATE TABLE hook_call (
    id          TEXT PRIMARY KEY,
    program     TEXT NOT NULL,
    partner     TEXT NOT NULL,
    shard       INTEGER NOT NULL,
    workflow    TEXT NOT NULL,
    journey     TEXT NOT NULL,
    step        TEXT NOT NULL,
    hook        TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('webhook', 'slack')),
    private     INTEGER NOT NULL CHECK (private IN (0, 1)),
    body        TEXT NOT NULL,
    planned_at  INTEGER NOT NULL,
    due         INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    state       TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'failed', 'cancelled')),
    attempt     INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    reason      TEXT,
    ended_at    INTEGER
);
CREATE INDEX hook_call_due ON hook_call (due) WHERE state = 'queued';
CREATE INDEX hook_call_journey ON hook_call (journey);
