-- Positions keep an outbox row from being folded twice, however often it is appended (docs/adr/0010).
ALTER TABLE outbox
    ADD COLUMN target   TEXT COLLATE "C" NOT NULL DEFAULT 'events' CHECK (target IN ('events', 'signals')),
    ADD COLUMN position BIGINT CHECK (position > 0);
CREATE UNIQUE INDEX outbox_position ON outbox (position);
CREATE INDEX outbox_target ON outbox (target, position);

-- One row: who carries the outbox, under which epoch, and the last position given.
CREATE TABLE relay (
    relay    BIGINT PRIMARY KEY CHECK (relay = 1),
    owner    TEXT COLLATE "C",
    epoch    BIGINT NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    position BIGINT NOT NULL DEFAULT 0 CHECK (position >= 0),
    seen_at  BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO relay (relay) VALUES (1);
